"""What the process that runs the stages provides: a parser, a clock, a watchdog, and a connection to decide on."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.spool import Slice

T = TypeVar("T")


class Parser:
    """Parses archived messages; this one does it in the same process, when asked."""

    together: int = sys.maxsize
    """How many messages are worth announcing while more are being fetched."""

    def __init__(self, parse: Callable[[Slice], Message]) -> None:
        """`parse` is `mail.parse.parse`, or a function with the same contract."""
        self.parse = parse

    def expect(self, raws: Sequence[Slice]) -> None:
        """Announce messages that will be asked for in this order. Their bytes are readable."""

    def __call__(self, raw: Slice) -> Message:
        """The message. Raises OSError, and whatever parsing raises because of the message."""
        return self.parse(raw)


class Deciding:
    """Context for read-only queries while deciding; this default opens none."""

    def __call__(self, work: Callable[[], T]) -> T:
        """Call `work`, perhaps twice, and return or raise what it does."""
        return work()

    def rest(self) -> None:
        """Release what is kept between decisions. Called before anything is written."""


class Watch(Protocol):
    """Watchdog: ends this process if one message takes longer than `seconds`."""

    seconds: Seconds
    """Limit for one message; 0: no limit."""

    def beat(self) -> None:
        """Start the time of a new message."""

    def rest(self) -> None:
        """Stop the time: no message is being handled."""


class Clock:
    """Time as it passes; this is the system's monotonic clock."""

    def now(self) -> Seconds:
        """Seconds since some moment."""
        return Seconds(time.monotonic())

    def sleep(self, seconds: Seconds) -> None:
        """Return after that time."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Runtime:
    """How this process runs the stages.

    `named` turns failures that pass by themselves into TemporaryFailure or Stale. `watch`: None if nothing watches.
    """

    parser: Parser
    deciding: Deciding = field(default_factory=Deciding)
    named: Callable[[Exception], Exception] = lambda error: error
    watch: Watch | None = None
    clock: Clock = field(default_factory=Clock)

    def beat(self) -> None:
        """A new message begins."""
        if self.watch is not None:
            self.watch.beat()

    def rest(self) -> None:
        """No message is being handled for now."""
        self.deciding.rest()
        if self.watch is not None:
            self.watch.rest()
