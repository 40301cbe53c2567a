"""Commands that run services, and say how they are."""
