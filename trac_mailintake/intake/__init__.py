"""What to do about a message: the values, the ports, and the way of a mail through them (`spine`).

Imports only `mail`: no Trac, no sockets.
"""
