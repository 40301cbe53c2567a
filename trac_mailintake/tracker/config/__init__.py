"""Servers and services as they are stored, and when they run."""
