"""The panels: in this process, and in a real browser."""
