"""A process that hangs over a message is ended, and others take over what it held (docs/behaviour.md#when-it-fails).

A handler that hangs inside a C library, with the interpreter's lock in hand, hears no exception. So it is the system
that ends the process: SIGALRM, as it is by default. What it held is redone one by one by the next run, and a message
over which three processes ended is held. Where it hung is in Trac's log.
"""

from __future__ import annotations

import faulthandler
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from trac_mailintake.sources.net.timeouts import limit_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

NETWORK: Final = 60.0
"""Seconds that Trac's own connections, such as the one to the outgoing server, may be silent."""


class Watchdog:
    """Watches the main thread of a command. `seconds` is what one message may take; 0 watches nothing."""

    def __init__(self, env: Environment, seconds: float) -> None:
        self._env = env
        self.seconds = seconds if threading.current_thread() is threading.main_thread() else 0.0

    def beat(self) -> None:
        """A message is begun: it has all its time before it."""
        if self.seconds:
            signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def rest(self) -> None:
        """Nothing is in hand that could hang."""
        if self.seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for as long as the block lasts; nobody else's SIGALRM is lost."""
        if not self.seconds:
            yield
            return
        limit_all(NETWORK)
        before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
        stream = next((each for handler in self._env.log.handlers if (each := getattr(handler, "stream", None))), None)
        if stream is not None:
            # The note is written by the system's handler, which then lets the signal do what it does by default.
            faulthandler.register(signal.SIGALRM, file=stream, chain=True)
        try:
            yield
        finally:
            self.rest()
            faulthandler.unregister(signal.SIGALRM)
            signal.signal(signal.SIGALRM, before)
