"""fetch: how much a mail server may send for one command, and for how long it may keep us waiting, whatever it does.

The library of a protocol reads until an answer ends, and a time-out counts from byte to byte: an answer that never
ends, or that comes a byte at a time, would keep a run for ever. No honest server comes near these bounds.
"""

from __future__ import annotations

import io
import time
from typing import Any, Final

from trac_mailintake.sources.errors import Excess

LARGEST: Final = 2**37
"""Bytes of the largest message. What is said to be larger is taken for this, which is more than any mailbox holds."""
MESSAGES: Final = 500_000
"""Messages of one mailbox that are listed: a few hundred bytes of memory each."""
ANSWER: Final = 32 * 1024 * 1024
"""Bytes of an answer that is held in memory: four times what is asked for at once, since sizes are told wrongly."""
HELD: Final = 2 * 1024 * 1024
"""Bytes of a literal that is held in memory where a larger one can be done without: twice what is asked for at once."""
LINES: Final = 50_000
"""Lines of such an answer, each of which costs more than its bytes."""

_SLACK: Final = 16 * 1024 * 1024
_UNKNOWN: Final = 1024**3
_PATIENCE: Final = 5
"""Time-outs that a session may wait in all, besides what it may wait for its commands and for its bytes."""
_COMMAND: Final = 1 / 6
"""Time-outs that each command adds to that."""
_RATE: Final = 4096
"""Bytes that add a second to it."""


def most(size: int | None) -> int:
    """Bytes after which a message, whose size the server told, must have ended: servers tell it wrongly, but not so."""
    return 2 * (_UNKNOWN if size is None else size) + _SLACK


class Meter:
    """What one session has cost. Only waiting counts as time, not what is done with what came."""

    def __init__(self, timeout: float) -> None:
        """`timeout` is that of one network operation, in seconds."""
        self._timeout = timeout
        self._patience = _PATIENCE * timeout
        self._waited = 0.0
        self._held = 0
        self._lines = 0

    def command(self) -> None:
        """A command is sent: its answer has all its room before it."""
        self._patience += _COMMAND * self._timeout
        self._held = self._lines = 0

    def fits(self, size: int) -> bool:
        """Whether so many bytes more of the answer may be held."""
        return self._held + size <= ANSWER

    def hold(self, size: int) -> None:
        """So many bytes of the answer are to be held in memory. Raises Excess."""
        self._held += size
        if self._held > ANSWER:
            raise Excess(f"its answer is too long: more than {ANSWER // 1024**2} MB for one command")

    def line(self, size: int, most: int = LINES) -> None:
        """A line of so many bytes is to be held in memory, of `most` in an answer. Raises Excess."""
        self._lines += 1
        if self._lines > most:
            raise Excess(f"its answer is too long: more than {most} lines for one command")
        self.hold(size)

    def came(self, size: int, seconds: float) -> None:
        """So many bytes came after waiting for so long. Raises Excess when all waiting took too long."""
        self._patience += size / _RATE
        self._waited += seconds
        if self._waited > self._patience:
            raise Excess(f"it answers too slowly: this took {self._waited:.0f} s; the next run tries again")


def metered(file: io.BufferedReader, meter: Meter) -> io.BufferedReader:
    """A socket's file, of which nothing was read yet, every byte of which is counted."""
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
        self._meter.came(count or 0, time.monotonic() - began)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
