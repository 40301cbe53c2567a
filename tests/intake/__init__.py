"""Tests of the pipeline, and of the values and rules that it uses."""
