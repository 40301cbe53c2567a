"""What to do about a message: the values, the ports, and the spine through them.

Imports `mail`; knows neither Trac nor a socket.
"""
