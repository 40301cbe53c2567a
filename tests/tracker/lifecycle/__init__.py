"""The states of a delivery, and what is written to its table."""
