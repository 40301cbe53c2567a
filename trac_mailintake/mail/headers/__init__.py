"""parse: header fields and their values (RFC 5322, RFC 2047, RFC 8601)."""
