"""Bounces and automatic mail."""
