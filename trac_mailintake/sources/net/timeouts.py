"""fetch: no connection of this process waits for ever."""

from __future__ import annotations

import socket


def limit_all(seconds: float) -> None:
    """Let every connection that sets no time-out of its own, such as Trac's to the outgoing server, have this one."""
    socket.setdefaulttimeout(seconds)
