"""Tests of the way of a mail, and of the values and rules that it uses."""
