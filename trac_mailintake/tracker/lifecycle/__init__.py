"""record: the states of a delivery, and all that is written to its table."""
