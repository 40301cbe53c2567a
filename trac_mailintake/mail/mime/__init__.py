"""parse: the MIME structure of a message, and its encodings (RFC 2045, 2046, 2183, 2231)."""
