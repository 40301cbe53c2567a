"""parse: reads a message from the archive, unless it must not be read; perhaps in a second process.

The second process parses a batch while this one decides and records. It is a fork that uses only the parser: no
connection, no lock, no log. If it ends for any reason, this process parses by itself from then on, so that mail is
deferred or held for the same reasons with or without it.

Without it a run takes in 0.66 times as many mails a second from a Maildir on SQLite (0.63 to 0.84), and 0.72 times as
many on PostgreSQL (0.68 to 0.97); where both cores are busy, or the database is 2 ms away, 0.9 (30 November 2026).
"""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import pickle
import select
import signal
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

from trac_mailintake.intake.failures import DEATHS, Deaths
from trac_mailintake.intake.ports import Parser, TooLarge
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.spool import Slice

log = logging.getLogger(__name__)

WORTH: Final = 20
"""Messages that justify a second process: starting it costs about as much as parsing so many."""
_LEAD: Final = 1024 * 1024
"""Bytes of messages parsed ahead: some hundred messages, or a single large one."""
_TOGETHER: Final = 30
"""Messages received together, and announced to `foresee`."""
_GREETING: Final = Seconds(5.0)
"""The time within which the second process must greet."""
_FIRST: Final = 3
"""The first file descriptor after standard input, output and error."""


def readable(delivery: Delivery) -> Slice | Exception:
    """The bytes to read, or why the message must not be read."""
    if delivery.raw is None:
        return TooLarge()
    return Deaths() if delivery.deaths >= DEATHS else delivery.raw


def parsed(parser: Parser, delivery: Delivery) -> Message | Exception:
    """The message, or why it cannot be read. What fails here is handled when it is decided about, in its turn."""
    raw = readable(delivery)
    if isinstance(raw, Exception):
        return raw
    try:
        return parser(raw)
    except Exception as error:  # noqa: BLE001 - see above
        return error


class Ahead(Parser):
    """Parses messages in the order in which they were announced. Close it in the end."""

    together = WORTH

    def __init__(
        self,
        parse: Callable[[Slice], Message],
        seconds: Seconds = Seconds(0.0),
        beside: Callable[[Message], None] = lambda _: None,
        foresee: Callable[[Sequence[Message]], None] = lambda _: None,
    ) -> None:
        """`parse` is `mail.parse.parse`; the second process also calls `beside` with each parsed message.

        `seconds` is the limit for both together for one message (0: no limit). `foresee` is called, in this process,
        with messages that have been parsed and will be requested next.
        """
        self._foresee = foresee
        self._arrived: deque[tuple[Slice, Message | None]] = deque()
        super().__init__(parse)
        self._beside = beside
        self._seconds = seconds
        self._reader: _Reader | None = None
        self._expected: deque[Slice] = deque()
        self._useless = len(os.sched_getaffinity(0)) == 1

    def expect(self, raws: Sequence[Slice]) -> None:
        """Start to parse these, in the second process."""
        if self._reader is None and not self._useless and len(raws) >= WORTH:
            self._reader = _Reader(self._read, self._seconds)
        if self._reader is not None:
            self._expected.extend(raws)
            try:
                self._reader.send(raws)
            except OSError:
                self._lose()

    def __call__(self, raw: Slice) -> Message:
        """The message, as `parse` gives it. Raises OSError."""
        announced = raw in self._expected or any(raw == each for each, _ in self._arrived)
        message = self._received(raw) if announced else None
        return message if message is not None else self.parse(raw)

    def _received(self, raw: Slice) -> Message | None:
        """The message as parsed by the second process; None if that failed. Skips announced messages before it."""
        while self._arrived or self._receive():
            arrived, message = self._arrived.popleft()
            if arrived == raw:
                return message
        return None

    def _receive(self) -> bool:
        """Wait for the next message, and receive all that are ready. Returns whether there was one."""
        try:
            self._fill()
        except (OSError, EOFError, pickle.UnpicklingError):
            self._lose()
        self._foresee([message for _, message in self._arrived if message is not None])
        return bool(self._arrived)

    def _fill(self) -> None:
        """Receive at least one message, and more while they are ready and small."""
        characters = 0
        while self._reader is not None and self._expected:
            message = self._reader.receive()
            self._arrived.append((self._expected.popleft(), message))
            characters += len(message.text) if message else 0
            if len(self._arrived) == _TOGETHER or characters > _LEAD or not self._reader.ready():
                return

    def _read(self, raw: Slice) -> Message:
        message = self.parse(raw)
        self._beside(message)
        return message

    def _lose(self) -> None:
        """The second process is gone. Start no other one, since the same message might end that one, too."""
        log.warning("The parser process ended; this process parses the rest by itself")
        self._useless = True
        self.close()

    def close(self) -> None:
        """End the second process."""
        self._expected.clear()
        self._arrived.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class _Reader:
    """Handle of the second process, used by the first one."""

    def __init__(self, parse: Callable[[Slice], Message], seconds: Seconds) -> None:
        wanted, ours = os.pipe()
        theirs, found = os.pipe()
        with suppress(OSError):  # above this user's limit: then the pipe holds less
            fcntl.fcntl(found, fcntl.F_SETPIPE_SZ, _LEAD)
        # A full collection would write to each object, and so copy all memory that both processes share.
        gc.freeze()
        self._pid = os.fork()
        if self._pid == 0:
            _serve(wanted, found, parse, seconds)
        os.close(wanted)
        os.close(found)
        self._wanted = os.fdopen(ours, "wb")
        self._found = os.fdopen(theirs, "rb")
        # After its greeting it holds none of this process's locks, so others notice at once if this one is killed.
        self._greeted = False
        self.ready(_GREETING)

    def send(self, raws: Sequence[Slice]) -> None:
        """Announce messages. Raises OSError."""
        pickle.dump(list(raws), self._wanted)
        self._wanted.flush()

    def receive(self) -> Message | None:
        """The next announced message. Raises OSError, EOFError, pickle.UnpicklingError."""
        if not self._greeted:
            self._greeted = bool(self._found.read(1))
        message: Message | None = pickle.load(self._found)  # noqa: S301 - written by our own fork
        return message

    def ready(self, seconds: Seconds = Seconds(0.0)) -> bool:
        """Whether data is available, or will be within `seconds`."""
        return bool(select.select([self._found], [], [], seconds)[0])

    def close(self) -> None:
        """Kill the process: it holds nothing that could be lost."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        gc.unfreeze()
        with suppress(OSError):  # nobody needs what it has not read
            self._wanted.close()
        self._found.close()


def _serve(wanted: int, found: int, parse: Callable[[Slice], Message], seconds: Seconds) -> NoReturn:
    """Main function of the second process: runs until the first one closes the pipe or dies."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process
        logging.disable()
        gc.freeze()
        _close_all_but(wanted, found)
        with os.fdopen(wanted, "rb") as asked, os.fdopen(found, "wb") as answers:
            answers.write(b"!")
            answers.flush()
            while True:
                for raw in pickle.load(asked):  # noqa: S301 - written by the process that we are a fork of
                    signal.setitimer(signal.ITIMER_REAL, seconds)
                    message = _read(raw, parse)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    pickle.dump(message, answers, pickle.HIGHEST_PROTOCOL)
                    answers.flush()
    finally:
        os._exit(0)


def _read(raw: Slice, parse: Callable[[Slice], Message]) -> Message | None:
    try:
        return parse(raw)
    except Exception:  # noqa: BLE001 - the first process meets the same failure, and handles it
        return None


def _close_all_but(*kept: int) -> None:
    """Close all inherited descriptors: a file lock is held as long as any process has the file open."""
    first = _FIRST
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
