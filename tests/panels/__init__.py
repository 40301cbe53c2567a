"""The panels in a real browser, on a real tracd."""
