"""The panel *Journal*."""
