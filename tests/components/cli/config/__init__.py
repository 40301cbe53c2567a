"""Commands for mail servers and services."""
