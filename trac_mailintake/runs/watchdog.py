"""Ends a process that hangs over a message; others take over its claims (docs/behaviour.md#when-it-fails).

A handler that hangs in a C library while it holds the GIL cannot receive an exception, so the kernel ends the process:
by SIGALRM, with its default action. The next run redoes the claimed messages one by one, and holds a message over
which three processes ended. Trac's log says where it hung.
"""

from __future__ import annotations

import faulthandler
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.net.timeouts import limit_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

NETWORK: Final = Seconds(60.0)
"""Time-out of Trac's own connections, such as the one to the outgoing server."""


class Watchdog:
    """Watches the main thread of a command. `seconds` is the limit for one message; 0 means no limit."""

    def __init__(self, env: Environment, seconds: Seconds) -> None:
        self._env = env
        self.seconds = seconds if threading.current_thread() is threading.main_thread() else Seconds(0.0)

    def beat(self) -> None:
        """Start the time of a new message."""
        if self.seconds:
            signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def rest(self) -> None:
        """Stop the time: no message is being handled."""
        if self.seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch during the block; an existing SIGALRM handler is restored afterwards."""
        if not self.seconds:
            yield
            return
        limit_all(NETWORK)
        before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
        stream = next((each for handler in self._env.log.handlers if (each := getattr(handler, "stream", None))), None)
        if stream is not None:
            # faulthandler's handler writes the traceback, and then lets the signal take its default action.
            faulthandler.register(signal.SIGALRM, file=stream, chain=True)
        try:
            yield
        finally:
            self.rest()
            faulthandler.unregister(signal.SIGALRM)
            signal.signal(signal.SIGALRM, before)
