"""The journal: read, searched and counted."""
