"""Header fields."""
