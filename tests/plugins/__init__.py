"""Calling the hooks of plugins."""
