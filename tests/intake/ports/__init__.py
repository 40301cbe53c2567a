"""Tests of what is in the ports besides protocols."""
