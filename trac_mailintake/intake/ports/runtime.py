"""What the process that runs the stages provides: a parser, a watchdog, and a connection to decide on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac_mailintake.intake.times import Seconds
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.spool import Slice

T = TypeVar("T")


class Parser:
    """Parses archived messages; this one does it in the same process, when asked."""

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


@dataclass(frozen=True, slots=True)
class Runtime:
    """How this process runs the stages.

    `named` turns failures that pass by themselves into TemporaryFailure or Stale. `watch`: None if nothing watches.
    """

    parser: Parser
    deciding: Deciding = field(default_factory=Deciding)
    named: Callable[[Exception], Exception] = lambda error: error
    watch: Watch | None = None

    def beat(self) -> None:
        """A new message begins."""
        if self.watch is not None:
            self.watch.beat()

    def rest(self) -> None:
        """No message is being handled for now."""
        self.deciding.rest()
        if self.watch is not None:
            self.watch.rest()
