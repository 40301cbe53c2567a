"""fetch: limits how much a mail server may send for one command, and how long a session may wait.

Protocol libraries read until an answer ends, and a time-out counts from byte to byte. So an answer that never ends, or
that arrives byte by byte, would keep a run busy for ever. No honest server comes near these limits.
"""

from __future__ import annotations

import io
import time
from typing import Any, Final

from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.errors import Excess

LARGEST: Final = 2**37
"""Largest message, in bytes. A larger announced size counts as this, which is more than any mailbox has."""
MESSAGES: Final = 500_000
"""Most messages listed of a mailbox: a few hundred bytes of memory each."""
ANSWER: Final = 32 * 1024 * 1024
"""Most bytes of an answer held in memory: four times what is requested at once, since sizes are reported wrongly."""
HELD: Final = 2 * 1024 * 1024
"""Most bytes of a literal held in memory if a larger one can be discarded: twice what is requested at once."""
LINES: Final = 50_000
"""Most lines of such an answer, each of which costs more than its bytes."""

_SLACK: Final = 16 * 1024 * 1024
_UNKNOWN: Final = 1024**3
_PATIENCE: Final = 5
"""Time-outs that a session may wait in all, besides the waiting time for commands and bytes."""
_COMMAND: Final = 1 / 6
"""Fraction of a time-out that each command adds."""
_RATE: Final = 4096
"""Bytes that add one second."""


def most(size: int | None) -> int:
    """Most bytes of a message with the announced `size`: servers report wrong sizes, but not that wrong."""
    return 2 * (_UNKNOWN if size is None else size) + _SLACK


class Meter:
    """Meters one session. Only waiting counts as time, not the processing of what arrived."""

    def __init__(self, timeout: Seconds) -> None:
        """`timeout` is that of one network operation."""
        self._timeout = timeout
        self._patience = _PATIENCE * timeout
        self._waited = 0.0
        self._held = 0
        self._lines = 0

    def command(self) -> None:
        """Start a command: its answer may use the full limit."""
        self._patience += _COMMAND * self._timeout
        self._held = self._lines = 0

    def fits(self, size: int) -> bool:
        """Whether `size` more bytes of the answer may be held in memory."""
        return self._held + size <= ANSWER

    def hold(self, size: int) -> None:
        """Count `size` bytes of the answer held in memory. Raises Excess."""
        self._held += size
        if self._held > ANSWER:
            raise Excess(f"its answer is too long: more than {ANSWER // 1024**2} MB for one command")

    def line(self, size: int, most: int = LINES) -> None:
        """Count a line of `size` bytes held in memory; an answer may have `most` lines. Raises Excess."""
        self._lines += 1
        if self._lines > most:
            raise Excess(f"its answer is too long: more than {most} lines for one command")
        self.hold(size)

    def came(self, size: int, seconds: Seconds) -> None:
        """Count `size` bytes that arrived after waiting `seconds`. Raises Excess if the session has waited too long."""
        self._patience += size / _RATE
        self._waited += seconds
        if self._waited > self._patience:
            raise Excess(f"it answers too slowly: this took {self._waited:.0f} s; the next run tries again")


def metered(file: io.BufferedReader, meter: Meter) -> io.BufferedReader:
    """Wrap an unread socket file so that every byte is counted."""
    return io.BufferedReader(_Metered(file.detach(), meter))


class _Metered(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, meter: Meter) -> None:
        self._raw = raw
        self._meter = meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:  # noqa: ANN401 - any buffer; Python 3.11 has no name for it
        began = time.monotonic()
        count: int | None = self._raw.readinto(buffer)
        self._meter.came(count or 0, Seconds(time.monotonic() - began))
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
