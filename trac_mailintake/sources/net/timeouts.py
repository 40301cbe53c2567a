"""fetch: a default time-out for all connections of this process."""

from __future__ import annotations

import socket


def limit_all(seconds: float) -> None:
    """Set the time-out of connections that set none themselves, such as Trac's to the outgoing server."""
    socket.setdefaulttimeout(seconds)
