"""The panel *Status*."""
