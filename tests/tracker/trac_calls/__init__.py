"""Calls of Trac's own code."""
