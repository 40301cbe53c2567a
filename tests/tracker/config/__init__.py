"""Servers and services."""
