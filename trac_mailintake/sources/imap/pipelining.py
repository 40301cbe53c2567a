"""fetch: pipelines FETCH commands, so that no round trip is spent waiting.

Commands are sent without waiting for answers (RFC 9051, 5.5). They name messages by UID, so that none depends on the
answer to another one.
"""

from __future__ import annotations

import imaplib
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.ports.source import IN_A_ROW
from trac_mailintake.sources.errors import excerpt
from trac_mailintake.sources.net.quota import most

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from trac_mailintake.intake.model import Listed
    from trac_mailintake.sources.imap.session import Session

IDENTITY: Final = "RFC822.SIZE INTERNALDATE"
"""The items of a fingerprint."""
SLICE: Final = 1024 * 1024
"""Bytes of a slice of a large message; smaller messages are requested whole, several in one command."""
IN_FLIGHT: Final = 8 * 1024 * 1024
"""Bytes requested and not yet read: they wait in the network's buffers or on the server."""
_BATCH: Final = 50
_LOCATOR: Final = re.compile(r"(\d{1,10})/(\d{1,10})\Z", re.ASCII)

_Piece = tuple[int, "int | None"]
"""A message's UID, and where a slice of it begins; None for all of it."""


@dataclass(slots=True)
class Slicing:
    """Whether a server supports slices; remembered as long as its mailbox is in use.

    No second slice is requested before the first has arrived correctly, since some servers send the whole message each
    time. After a wrong slice no further one is requested.
    """

    proved: bool = False
    failed: bool = False


@dataclass(slots=True)
class _Order:
    """One FETCH command. `size`: expected bytes, by the announced sizes. `pieces`: the pieces still to come.

    `largest`: the announced size of the largest message in it.
    """

    uids: str
    offset: int | None
    pieces: set[_Piece]
    size: int
    largest: int

    @property
    def several(self) -> bool:
        """Whether it names more than one message, so that a refusal does not say which it is about."""
        return "," in self.uids

    @property
    def items(self) -> str:
        if self.offset is None and not self.several:
            return "(UID BODY.PEEK[])"  # a server that cannot read a message may still refuse to tell its size
        part = "" if self.offset is None else f"<{self.offset}.{SLICE}>"
        return f"(UID {IDENTITY} BODY.PEEK[]{part})"


class Orders:
    """The FETCH commands of one session. Network errors are raised unchanged, after what came before them was given.

    A message that does not come with the others of its command is asked for again by itself, one at a time, until
    `IN_A_ROW` of them do not come.

    An answer is matched by UID and origin octet: sizes and dates change when a server first reads a message (Exchange
    does this), and may be missing.
    """

    def __init__(self, session: Session, slicing: Slicing) -> None:
        """The folder must be selected; all requested messages are in it."""
        self._session = session
        self._slicing = slicing
        self._planned: deque[_Order] = deque()
        self._sent: deque[tuple[_Order, str]] = deque()
        self._wanted: set[_Piece] = set()
        self._came: dict[_Piece, bytes] = {}
        self._odd: set[int] = set()
        self._words: dict[int, str] = {}
        """By UID of what did not come: what the server said to the command, or ""."""
        self._again: set[int] = set()
        """Of these, what is still to be asked for by itself."""
        self._in_row = 0
        self._failure: Exception | None = None
        """Why the session ended."""

    def expect(self, messages: Sequence[Listed]) -> int:
        """Request these messages, in this order, and no others. Returns how many were requested in vain before."""
        before = self._came.keys() | {piece for order, _ in self._sent for piece in order.pieces}
        self._wanted = {piece for listed in messages for piece in self._pieces(listed)}
        self._came = {piece: body for piece, body in self._came.items() if piece in self._wanted}
        self._odd.clear()
        self._again.clear()
        self._words.clear()
        self._in_row = 0
        self._planned = deque(self._orders(messages, before))
        self._send()
        return len({uid for uid, _ in before - self._wanted})

    def piece(self, listed: Listed, offset: int | None) -> bytes | None:
        """A message, or a slice of it; None if it did not arrive, or not as requested: see `is_odd`, `words`."""
        uid = uid_of(listed)
        if offset is not None or uid not in self._again:
            body = self._asked(listed, offset)
            if offset is not None or body is not None or uid not in self._again:
                return body
        if self._in_row >= IN_A_ROW or self.is_odd(listed):
            return None
        self._again.discard(uid)
        body = self._asked(listed, offset)
        self._in_row = 0 if body is not None else self._in_row + 1
        return body

    def words(self, listed: Listed) -> tuple[str, bool]:
        """Why a message did not arrive: what the server said, or ""; and whether it was asked for by itself."""
        return self._words.get(uid_of(listed), ""), uid_of(listed) not in self._again

    def _asked(self, listed: Listed, offset: int | None) -> bytes | None:
        """The piece, requested now if it was not yet, or was in vain."""
        piece = (uid_of(listed), offset)
        if piece not in self._wanted and not self.is_odd(listed):
            # The announced size was too small, or a slice too short.
            self.end(listed)
            self._wanted.add(piece)
            self._planned.appendleft(_order([listed], offset))
        self._send()
        while piece not in self._came and self._sent and not self.is_odd(listed):
            if piece in self._receive().pieces:
                break
        if self._failure is not None and piece not in self._came:
            raise self._failure
        return self._came.pop(piece, None)

    def is_odd(self, listed: Listed) -> bool:
        """Whether something unusable arrived for this message: too large, or not the requested part."""
        return uid_of(listed) in self._odd

    def end(self, listed: Listed) -> None:
        """Request no more of this message: it was shorter than announced, or its reader stopped."""
        uid = uid_of(listed)
        self._forget({piece for piece in self._wanted if piece[0] == uid})

    def _fail(self) -> None:
        """Stop requesting slices, after a wrong one."""
        self._slicing.failed = True
        self._forget({piece for piece in self._wanted if piece[1] is not None})

    def _forget(self, beyond: set[_Piece]) -> None:
        self._wanted -= beyond
        self._planned = deque(order for order in self._planned if not order.pieces <= beyond)
        for piece in beyond & self._came.keys():
            del self._came[piece]

    def drain(self) -> None:
        """Read all outstanding answers, and keep the wanted ones."""
        planned, self._planned = self._planned, deque()
        while self._sent:
            self._receive()
        self._planned = deque(order for order in planned if order.pieces & self._wanted)

    def _send(self) -> None:
        while self._planned and self._failure is None and self._may_send(self._planned[0]):
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
        """Read up to the end of the oldest answer; Dovecot mixes it with answers to later commands.

        Pieces that have not arrived by then do not exist.
        """
        if self._failure is not None:
            raise self._failure
        longest = max(most(order.largest) for order in self._flying)
        order, tag = self._sent.popleft()
        came, failure = self._session.fetched(tag, passing=longest)
        for each in came:
            if each.uid is not None and (each.passed_over or each.body is not None):
                self._arrived((each.uid, each.offset), each.body, order)
        if failure is None or is_refusal(failure):
            self._missed(order, "" if failure is None else excerpt(failure))
            self._send()
        else:
            self._failure = failure
        return order

    def _missed(self, order: _Order, words: str) -> None:
        """Note what did not come, and what the server said; a refused slice is not all of a message."""
        uids = {uid for uid, _ in order.pieces}
        if order.offset is not None:
            if words:
                self._words |= dict.fromkeys(uids, words)
                self._forget({piece for piece in self._wanted if piece[0] in uids})
            return
        self._words |= dict.fromkeys(uids, words)
        if order.several:
            self._again |= uids
        self._forget({(uid, None) for uid in uids})

    def _arrived(self, piece: _Piece, body: bytes | None, order: _Order) -> None:
        """Keep a wanted piece. `body` is None if it was too large to be read."""
        uid, offset = piece
        if body is None or not self._is_usable(piece, body):
            self._misplaced(uid)
        elif piece in self._wanted:
            self._slicing.proved |= offset is not None and bool(body)
            self._came[piece] = body
        elif body and (offset is None or (uid, None) in self._wanted):
            self._misplaced(uid)
        self._answered(piece, order)

    def _is_usable(self, piece: _Piece, body: bytes) -> bool:
        """Whether the piece is no longer than a slice, and the same as when it arrived before."""
        too_long = piece[1] is not None and len(body) > SLICE
        return not too_long and self._came.get(piece, body) == body

    def _answered(self, piece: _Piece, order: _Order) -> None:
        """Note that a piece has come. It may have been requested twice: this answers the older command."""
        for asked in (order, *self._flying):
            if piece in asked.pieces:
                asked.pieces.discard(piece)
                return

    def _misplaced(self, uid: int) -> None:
        """Note an unusable answer: too large, another part than requested, or two different ones."""
        missed = {piece for piece in self._wanted if piece[0] == uid}
        if missed:
            self._odd.add(uid)
            self._forget(missed)
        if any(offset is not None for _, offset in missed):
            self._fail()

    def _pieces(self, listed: Listed) -> Iterator[_Piece]:
        """The pieces of a message, up to an empty slice, which confirms that the one before was the last.

        A message of unknown size is not sliced: nothing would show that it is complete.
        """
        if not is_large(listed):
            yield uid_of(listed), None
        elif listed.size is not None and not self._slicing.failed:
            for offset in (*range(0, listed.size, SLICE), listed.size):
                yield uid_of(listed), offset

    def _orders(self, messages: Sequence[Listed], without: Collection[_Piece]) -> Iterator[_Order]:
        """The commands, in order: large messages in slices, small ones together up to a number and a sum of bytes."""
        batch: list[Listed] = []
        for listed in messages:
            missing = [piece for piece in self._pieces(listed) if piece not in without]
            large = is_large(listed)
            if batch and (large or _is_full(batch, listed)):
                yield _order(batch, None)
                batch = []
            if large:
                yield from _of_pieces(listed, missing)
            elif missing:
                batch.append(listed)
        if batch:
            yield _order(batch, None)


def is_refusal(failure: Exception) -> bool:
    """Whether the server refused a command, and the session goes on."""
    return isinstance(failure, imaplib.IMAP4.error) and not isinstance(failure, imaplib.IMAP4.abort)


def uid_of(listed: Listed) -> int:
    """The UID in the message's locator."""
    return int(listed.locator.partition("/")[2])


def of_epoch(messages: Sequence[Listed], uidvalidity: int) -> list[Listed]:
    """The messages whose locators name this UIDVALIDITY."""
    prefix = f"{uidvalidity}/"
    return [each for each in messages if each.locator.startswith(prefix) and _LOCATOR.match(each.locator)]


def uids_of(messages: Sequence[Listed]) -> str:
    """The UIDs as a set for a command."""
    return ",".join(str(uid_of(listed)) for listed in messages)


def is_large(listed: Listed) -> bool:
    """Whether a message is too large to be fetched together with others, or of unknown size."""
    return listed.size is None or listed.size > SLICE


def _of_pieces(listed: Listed, pieces: Iterable[_Piece]) -> Iterator[_Order]:
    """A command for each piece of a large message."""
    return (_order([listed], offset) for _, offset in pieces)


def _is_full(batch: Sequence[Listed], listed: Listed) -> bool:
    """Whether a command for the messages of `batch` has no room for a further one."""
    return len(batch) == _BATCH or sum(each.size or 0 for each in (*batch, listed)) > SLICE


def _order(messages: Sequence[Listed], offset: int | None) -> _Order:
    told = sum(listed.size or 0 for listed in messages)
    size = told if offset is None else min(SLICE, max(0, told - offset))
    largest = max(listed.size or 0 for listed in messages)
    return _Order(uids_of(messages), offset, {(uid_of(each), offset) for each in messages}, size, largest)
