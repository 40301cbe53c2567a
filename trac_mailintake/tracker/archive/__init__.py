"""fetch: the raw bytes of every delivery."""
