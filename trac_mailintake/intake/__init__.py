"""What to do about a message: the values, the ports, and the pipeline through them.

Imports only `mail`: no Trac, no sockets.
"""
