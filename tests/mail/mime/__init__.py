"""MIME structure and encodings."""
