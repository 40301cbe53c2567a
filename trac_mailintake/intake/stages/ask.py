"""fetch: asks a source for the messages of a batch, and finds out which of them cannot be got.

A message that is listed and does not come is a fact: it is deferred, with what the server said. The others of its batch
are filed in the same round:

- Messages that were asked for in vain before come after the others, and each by itself.
- If the session ends while several were asked for, any of them may be the cause. The rest is asked for one by one, in a
  new session as often as one ends. A message with which a session ended is then asked for in a session of its own.
- After `IN_A_ROW` that do not come, one after the other, no more are asked for: the server has a problem, and not they.
  They are deferred, and claimed again by the next round.

Whose fault it is shows at the end of the round (`Asking.blamed`). A refusal counts against a message if another one
came whole in that session, and the server does not say that it passes by itself. The end of a session counts against a
message if that was the only one asked for in it, and another one came whole in another session. So what an outage does
to a whole mailbox counts against nothing in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from trac_mailintake.intake.errors import LineBroke, SourceError
from trac_mailintake.intake.ports.source import IN_A_ROW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.errors import Incomplete
    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.intake.ports import Source

BREAKS: Final = 12
"""Sessions that end by themselves in a round before no more messages are asked for: servers count logins."""
_HOPELESS: Final = 3 * IN_A_ROW
"""New messages that do not come, one after the other, after which the round ends although others came before."""


class Hands(Protocol):
    """What is done with messages."""

    def take(self, delivery: Delivery, chunks: Iterator[bytes]) -> Incomplete | None:
        """Archive a message. Returns why it did not come whole, or None. Raises SourceError, TemporaryFailure."""

    def miss(self, delivery: Delivery, reason: str, *, asked: bool) -> None:
        """Defer a message that did not come. `asked`: it was asked for by itself."""


@dataclass(frozen=True, slots=True)
class _Miss:
    """A message that did not come in a session. `alone`: the session was its own, and ended."""

    delivery: Delivery
    session: int
    alone: bool


class Asking:
    """What one round asks of its source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._session = 0
        self._asked = 0
        """Messages asked for in this session."""
        self._whole: set[int] = set()
        """Sessions in which a message came whole."""
        self._misses: list[_Miss] = []
        self._in_row = 0
        self._vain = 0
        """New messages in a row that did not come."""
        self._words = ""

    @property
    def unbroken(self) -> bool:
        """Whether the first session goes on."""
        return not self._session

    def foresee(self, number: int) -> None:
        """Note that so many messages are asked for ahead."""
        self._asked += number

    def interrupted(self) -> None:
        """Note that the session ended, or may have, while something else was asked for."""
        self._next()

    def fetch(self, deliveries: Sequence[Delivery], hands: Hands) -> SourceError | None:
        """Give the messages to `hands`, those that come and those that do not. What is gone is in neither.

        Returns why the round must end; None if it goes on. Raises what `hands` raises, except SourceError.
        """
        batch = _Batch(deliveries, hands)
        try:
            self._all(batch)
        except SourceError as error:
            for each in batch.left:
                hands.miss(each, str(error), asked=False)
            return error
        if self._vain >= (_HOPELESS if self._session in self._whole else IN_A_ROW):
            return SourceError(self._words)
        return None

    def blamed(self) -> list[Delivery]:
        """The messages that did not come although others did."""
        return [
            each.delivery
            for each in self._misses
            if (self._whole - {each.session} if each.alone else each.session in self._whole)
        ]

    def _all(self, batch: _Batch) -> None:
        new = [each for each in batch.left if not each.misses]
        try:
            self._together(batch, new)
        except LineBroke as error:
            if self._asked == 1:
                self._alone(batch, new[0], error)
            self._next()
        self._singly(batch)

    def _together(self, batch: _Batch, deliveries: Sequence[Delivery]) -> None:
        """Ask for these. Raises SourceError."""
        if not deliveries:
            return
        self._asked += len(deliveries)
        wanted = {each.listed.locator: each for each in deliveries}
        for listed, chunks in self._source.fetch([each.listed for each in deliveries]):
            self._heard(batch, wanted[listed.locator], batch.hands.take(wanted[listed.locator], chunks))
        for each in deliveries:
            batch.done(each)

    def _heard(self, batch: _Batch, delivery: Delivery, error: Incomplete | None) -> None:
        """Note whether a message came whole."""
        batch.done(delivery)
        if error is None:
            self._whole.add(self._session)
            self._in_row = self._vain = 0
            return
        batch.hands.miss(delivery, str(error), asked=error.asked)
        if error.asked:
            self._vainly(delivery, error.words)
        if error.asked and not error.temporary:
            self._misses.append(_Miss(delivery, self._session, alone=False))

    def _singly(self, batch: _Batch) -> None:
        """Ask for what is left one by one: the new ones first, then in turn what was asked for the fewest times."""
        broke: list[tuple[Delivery, LineBroke]] = []
        self._in_row = 0
        for each in sorted(batch.left, key=lambda delivery: delivery.misses):
            if self._is_enough():
                batch.done(each)
                batch.hands.miss(each, f"It was not asked for, since others did not come: {self._words}", asked=False)
                continue
            try:
                self._together(batch, [each])
            except LineBroke as error:
                if self._asked == 1:
                    self._alone(batch, each, error)
                else:
                    self._vainly(each, str(error))
                    broke.append((each, error))
                self._next()
        for each, why in broke:
            self._in_its_own(batch, each, why)

    def _in_its_own(self, batch: _Batch, delivery: Delivery, error: LineBroke) -> None:
        """Ask for a message in a session of its own, after one ended with it that was not."""
        if self._is_enough():
            batch.done(delivery)
            batch.hands.miss(delivery, str(error), asked=True)
            return
        if self._asked:
            # What was disposed of in this session must not be undone with it.
            self._source.settle()
            self._source.close()
            self._next()
        try:
            self._together(batch, [delivery])
        except LineBroke as again:
            self._alone(batch, delivery, again)
            self._next()

    def _alone(self, batch: _Batch, delivery: Delivery, error: LineBroke) -> None:
        """Note that a session of its own ended with a message."""
        batch.done(delivery)
        batch.hands.miss(delivery, str(error), asked=True)
        self._vainly(delivery, str(error))
        self._misses.append(_Miss(delivery, self._session, alone=True))

    def _vainly(self, delivery: Delivery, words: str) -> None:
        self._words = words
        self._in_row += 1
        self._vain += not delivery.misses

    def _next(self) -> None:
        """The next call begins a new session."""
        self._session += 1
        self._asked = 0

    def _is_enough(self) -> bool:
        return self._in_row >= IN_A_ROW or self._session >= BREAKS


class _Batch:
    """The messages of a batch that have neither come nor been missed."""

    def __init__(self, deliveries: Sequence[Delivery], hands: Hands) -> None:
        self._left = {each.id: each for each in deliveries}
        self.hands = hands

    @property
    def left(self) -> list[Delivery]:
        """In the order of the batch."""
        return list(self._left.values())

    def done(self, delivery: Delivery) -> None:
        """This one has an end."""
        self._left.pop(delivery.id, None)
