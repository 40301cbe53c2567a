"""A process that hangs over a message is ended, so that others take over what it held (spec 7).

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

from trac_mailintake.sources.timeouts import limit_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

_GRACE: Final = 1.0
"""Seconds between the note in the log and the end."""

NETWORK: Final = 60.0
"""Seconds that Trac's own connections, such as the one to the outgoing server, may be silent."""


class Watchdog:
    """Watches the main thread of a command. `seconds` is what one message may take; 0 watches nothing."""

    def __init__(self, env: Environment, seconds: float) -> None:
        self._env = env
        self._seconds = seconds if threading.current_thread() is threading.main_thread() else 0.0
        self._noted = False

    def beat(self) -> None:
        """A message is begun: it has all its time before it."""
        if self._seconds:
            signal.setitimer(signal.ITIMER_REAL, self._seconds + _GRACE)
            if self._noted:
                faulthandler.dump_traceback_later(self._seconds, file=self._log)

    def rest(self) -> None:
        """Nothing is in hand that could hang."""
        if self._seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for as long as the block lasts; nobody else's SIGALRM is lost."""
        if not self._seconds:
            yield
            return
        limit_all(NETWORK)
        before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
        streams = [stream for handler in self._env.log.handlers if (stream := getattr(handler, "stream", None))]
        if streams:
            self._log, self._noted = streams[0], True
        try:
            yield
        finally:
            self.rest()
            signal.signal(signal.SIGALRM, before)
