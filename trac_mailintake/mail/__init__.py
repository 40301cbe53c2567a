"""What a message is (RFC 5322, 2045, 2231, 3834, 8601).

No Trac, no socket, no SQL: bytes in, frozen values out.
"""
