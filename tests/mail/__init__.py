"""The mail package: bytes in, values out."""
