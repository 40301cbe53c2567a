"""fetch: a default time-out for all connections of this process."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trac_mailintake.intake.times import Seconds


def limit_all(seconds: Seconds) -> None:
    """Set the time-out of connections that set none themselves, such as Trac's to the outgoing server."""
    socket.setdefaulttimeout(seconds)
