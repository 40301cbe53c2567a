"""HTML to wiki text."""
