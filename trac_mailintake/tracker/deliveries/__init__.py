"""record: the life of a delivery: listed, claimed, decided, recorded, purged."""
