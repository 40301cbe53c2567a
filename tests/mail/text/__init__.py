"""The text of a message."""
