"""The panel *Services*."""
