"""Mailboxes whose servers and services do at random what real ones do; a model knows what must become of each mail."""
