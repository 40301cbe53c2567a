"""parse: header fields and what is in them (RFC 5322, RFC 2047, RFC 8601)."""
