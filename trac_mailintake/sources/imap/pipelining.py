"""fetch: messages are asked for before they are needed, so that nobody waits while a question travels.

Commands follow each other on the line without waiting for answers (RFC 9051, 5.5): they name messages by UID, so that
none of them depends on the answer to another one.
"""

from __future__ import annotations

import imaplib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.sources.net.quota import most

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from trac_mailintake.intake.model import Listed
    from trac_mailintake.sources.imap.fetch_response import Fetched
    from trac_mailintake.sources.imap.session import Session

IDENTITY: Final = "RFC822.SIZE INTERNALDATE"
"""What a fingerprint is made of."""
SLICE: Final = 1024 * 1024
"""Bytes of a large message that are asked for at a time; what is not larger comes whole, several in an answer."""
IN_FLIGHT: Final = 8 * 1024 * 1024
"""Bytes that are asked for and not yet read: they wait in the network's buffers on both sides, or with the server."""
_BATCH: Final = 50

_Piece = tuple[int, "int | None"]
"""A message's UID, and where a slice of it begins; None for all of it."""


@dataclass(slots=True)
class Slicing:
    """What is known of how a server cuts messages into slices; remembered for as long as its mailbox is in use.

    Until one has come as it was asked for, no second one is asked for: there are servers that send all of the message
    each time. Once one came otherwise, none is asked for any more.
    """

    proved: bool = False
    failed: bool = False


@dataclass(slots=True)
class _Order:
    """One FETCH. `size` is what will come, as far as the server has told; `pieces` are those that are still to come.

    `largest` is the size of the largest message in it, as told.
    """

    uids: str
    offset: int | None
    pieces: set[_Piece]
    size: int
    largest: int

    @property
    def items(self) -> str:
        part = "" if self.offset is None else f"<{self.offset}.{SLICE}>"
        return f"(UID {IDENTITY} BODY.PEEK[]{part})"


class Orders:
    """What one session was asked for. Whatever goes wrong on the line is raised as it is.

    An answer is known by its UID, and by the octet at which it begins: sizes and dates change when a server first
    looks at a message (Exchange does), and need not be told again.
    """

    def __init__(self, session: Session, slicing: Slicing) -> None:
        """The folder is selected; all messages that are asked for are its."""
        self._session = session
        self._slicing = slicing
        self._planned: deque[_Order] = deque()
        self._sent: deque[tuple[_Order, str]] = deque()
        self._wanted: set[_Piece] = set()
        self._came: dict[_Piece, bytes] = {}
        self._odd: set[int] = set()

    def expect(self, messages: Sequence[Listed]) -> int:
        """Ask for messages, in this order, and for no others any more; how many were asked for before in vain."""
        before = self._came.keys() | {piece for order, _ in self._sent for piece in order.pieces}
        self._wanted = {piece for listed in messages for piece in self._pieces(listed)}
        self._came = {piece: body for piece, body in self._came.items() if piece in self._wanted}
        self._odd.clear()
        self._planned = deque(self._orders(messages, before))
        self._send()
        return len({uid for uid, _ in before - self._wanted})

    def piece(self, listed: Listed, offset: int | None) -> bytes | None:
        """A message, or a slice of it; None when it did not come, or not as it was asked for: see `is_odd`."""
        piece = (uid_of(listed), offset)
        if piece not in self._wanted and not self.is_odd(listed):
            # The server told too small a size, or gave too short a slice.
            self.end(listed)
            self._wanted.add(piece)
            self._planned.appendleft(_order([listed], offset))
        self._send()
        while piece not in self._came and self._sent and not self.is_odd(listed):
            if piece in self._receive().pieces:
                break
        return self._came.pop(piece, None)

    def is_odd(self, listed: Listed) -> bool:
        """Whether something came of this message that cannot be used: too large, or not the part that was asked for."""
        return uid_of(listed) in self._odd

    def end(self, listed: Listed) -> None:
        """No more of this message is wanted: it was shorter than the server told, or nobody read on."""
        uid = uid_of(listed)
        self._forget({piece for piece in self._wanted if piece[0] == uid})

    def _fail(self) -> None:
        """Slices do not come as they should: no more of them."""
        self._slicing.failed = True
        self._forget({piece for piece in self._wanted if piece[1] is not None})

    def _forget(self, beyond: set[_Piece]) -> None:
        self._wanted -= beyond
        self._planned = deque(order for order in self._planned if not order.pieces <= beyond)
        for piece in beyond & self._came.keys():
            del self._came[piece]

    def drain(self) -> None:
        """Read what is under way, so that nothing is; what is wanted of it is kept."""
        planned, self._planned = self._planned, deque()
        while self._sent:
            self._receive()
        self._planned = deque(order for order in planned if order.pieces & self._wanted)

    def _send(self) -> None:
        while self._planned and self._may_send(self._planned[0]):
            order = self._planned.popleft()
            self._sent.append((order, self._session.ask("FETCH", order.uids, order.items)))

    def _may_send(self, order: _Order) -> bool:
        unproved = order.offset is not None and not self._slicing.proved
        if unproved and any(sent.offset is not None for sent in self._flying):
            return False
        return not self._sent or sum(sent.size for sent in self._flying) + order.size <= IN_FLIGHT

    @property
    def _flying(self) -> Iterator[_Order]:
        return (order for order, _ in self._sent)

    def _receive(self) -> _Order:
        """Read up to the end of the oldest answer; Dovecot mingles it with those to later commands.

        What did not come by then is not there.
        """
        longest = max(most(order.largest) for order in self._flying)
        order, tag = self._sent.popleft()
        try:
            came = self._session.fetched(tag, passing=longest)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            # A slice that is refused has not come; whether the message can be had otherwise is seen then.
            if order.offset is None:
                raise
            came = ()
            refused = {uid for uid, _ in order.pieces}
            self._forget({piece for piece in self._wanted if piece[0] in refused})
        for each in came:
            if each.uid is not None and (each.passed_over or each.body is not None):
                self._arrived(each.uid, each, order)
        self._send()
        return order

    def _arrived(self, uid: int, each: Fetched, order: _Order) -> None:
        piece, sliced = (uid, each.offset), each.offset is not None
        fits = each.body is not None and not (sliced and len(each.body) > SLICE)
        twice = self._came.get(piece, each.body) != each.body
        if piece in self._wanted and fits and not twice and each.body is not None:
            self._slicing.proved |= sliced and bool(each.body)
            self._came[piece] = each.body
        elif not fits or twice or (each.body and (not sliced or (uid, None) in self._wanted)):
            self._misplaced(uid)
        # It may have been asked for twice, when it was wanted again: it answers the older question.
        for asked in (order, *self._flying):
            if piece in asked.pieces:
                asked.pieces.discard(piece)
                return

    def _misplaced(self, uid: int) -> None:
        """Too much came, or another part than was asked for, or two that differ: nobody knows what it is of."""
        missed = {piece for piece in self._wanted if piece[0] == uid}
        if missed:
            self._odd.add(uid)
            self._forget(missed)
        if any(offset is not None for _, offset in missed):
            self._fail()

    def _pieces(self, listed: Listed) -> Iterator[_Piece]:
        """Up to a slice that will be empty, which says that the one before was the last.

        What has no known size is no use to slice: nothing would say that it is whole.
        """
        if not is_large(listed):
            yield uid_of(listed), None
        elif listed.size is not None and not self._slicing.failed:
            for offset in (*range(0, listed.size, SLICE), listed.size):
                yield uid_of(listed), offset

    def _orders(self, messages: Sequence[Listed], without: Collection[_Piece]) -> Iterator[_Order]:
        """In order: large messages by the slice, small ones together up to a number and a sum of bytes."""
        batch: list[Listed] = []
        total = 0
        for listed in messages:
            missing = [piece for piece in self._pieces(listed) if piece not in without]
            large = is_large(listed)
            if batch and (large or len(batch) == _BATCH or total + (listed.size or 0) > SLICE):
                yield _order(batch, None)
                batch, total = [], 0
            if large:
                yield from (_order([listed], offset) for _, offset in missing)
            elif missing:
                batch.append(listed)
                total += listed.size or 0
        if batch:
            yield _order(batch, None)


def uid_of(listed: Listed) -> int:
    """The UID in a locator of ours."""
    return int(listed.locator.partition("/")[2])


def uids_of(messages: Sequence[Listed]) -> str:
    """As a command names them."""
    return ",".join(str(uid_of(listed)) for listed in messages)


def is_large(listed: Listed) -> bool:
    """Whether a message is too large to be read with others; also one of unknown size."""
    return listed.size is None or listed.size > SLICE


def _order(messages: Sequence[Listed], offset: int | None) -> _Order:
    told = sum(listed.size or 0 for listed in messages)
    size = told if offset is None else min(SLICE, max(0, told - offset))
    largest = max(listed.size or 0 for listed in messages)
    return _Order(uids_of(messages), offset, {(uid_of(each), offset) for each in messages}, size, largest)
