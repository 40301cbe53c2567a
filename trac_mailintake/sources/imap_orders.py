"""fetch: messages are asked for before they are needed, so that nobody waits while a question travels.

Commands follow each other on the line without waiting for answers (RFC 9051, 5.5): they name messages by UID, so that
none of them depends on the answer to another one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from trac_mailintake.intake.model import Listed
    from trac_mailintake.sources.imap_session import Session

IDENTITY: Final = "RFC822.SIZE INTERNALDATE"
"""What a fingerprint is made of."""
SLICE: Final = 1024 * 1024
"""Bytes of a large message that are asked for at a time; what is not larger comes whole, several in an answer."""
IN_FLIGHT: Final = 8 * 1024 * 1024
"""Bytes that are asked for and not yet read: they wait in the network's buffers on both sides, or with the server."""
_BATCH: Final = 50

_Piece = tuple[str, "int | None"]
"""A message's fingerprint, and where a slice of it begins; None for all of it."""


@dataclass(slots=True)
class _Order:
    """One FETCH. `size` is what will come, as far as the server has told; `pieces` are those that are still to come."""

    uids: str
    offset: int | None
    pieces: set[_Piece]
    size: int

    @property
    def items(self) -> str:
        part = "" if self.offset is None else f"<{self.offset}.{SLICE}>"
        return f"(UID {IDENTITY} BODY.PEEK[]{part})"


class Orders:
    """What one session was asked for. Whatever goes wrong on the line is raised as it is."""

    def __init__(self, session: Session, uidvalidity: int) -> None:
        """The folder is selected; all messages that are asked for are its."""
        self._session = session
        self._uidvalidity = uidvalidity
        self._planned: deque[_Order] = deque()
        self._sent: deque[tuple[_Order, str]] = deque()
        self._wanted: set[_Piece] = set()
        self._came: dict[_Piece, bytes] = {}

    def expect(self, messages: Sequence[Listed]) -> int:
        """Ask for messages, in this order, and for no others any more; how many were asked for before in vain."""
        before = self._came.keys() | {piece for order, _ in self._sent for piece in order.pieces}
        self._wanted = {piece for listed in messages for piece in _pieces(listed)}
        self._came = {piece: body for piece, body in self._came.items() if piece in self._wanted}
        self._planned = deque(_orders(messages, before))
        self._send()
        return len({fingerprint for fingerprint, _ in before - self._wanted})

    def piece(self, listed: Listed, offset: int | None) -> bytes | None:
        """A message, or a slice of it; None when it is gone, or no longer the same."""
        piece = (listed.fingerprint, offset)
        if piece not in self._wanted:
            # The server told too small a size.
            self._wanted.add(piece)
            self._planned.appendleft(_order([listed], offset))
            self._send()
        while piece not in self._came and self._sent:
            if piece in self._receive().pieces:
                break
        return self._came.pop(piece, None)

    def end(self, listed: Listed) -> None:
        """No more of this message is wanted: it was shorter than the server told, or nobody read on."""
        beyond = {piece for piece in self._wanted if piece[0] == listed.fingerprint}
        self._wanted -= beyond
        self._planned = deque(order for order in self._planned if not order.pieces <= beyond)
        for piece in beyond & self._came.keys():
            del self._came[piece]

    def drain(self) -> None:
        """Read what is under way, so that nothing is; what is wanted of it is kept."""
        planned, self._planned = self._planned, deque()
        while self._sent:
            self._receive()
        self._planned = planned

    def _send(self) -> None:
        while self._planned and (not self._sent or self._flying() + self._planned[0].size <= IN_FLIGHT):
            order = self._planned.popleft()
            self._sent.append((order, self._session.ask("FETCH", order.uids, order.items)))

    def _flying(self) -> int:
        return sum(order.size for order, _ in self._sent)

    def _receive(self) -> _Order:
        """Read up to the end of the oldest answer; Dovecot mingles it with those to later commands.

        What did not come by then is not there.
        """
        order, tag = self._sent.popleft()
        for each in self._session.fetched(tag):
            piece = (each.fingerprint(self._uidvalidity), each.offset)
            if each.body is not None:
                self._arrived(piece, order)
                if piece in self._wanted:
                    self._came[piece] = each.body
        self._send()
        return order

    def _arrived(self, piece: _Piece, order: _Order) -> None:
        """It may have been asked for twice, when it was wanted again: it answers the older question."""
        for asked in (order, *(each for each, _ in self._sent)):
            if piece in asked.pieces:
                asked.pieces.discard(piece)
                return


def uid_of(listed: Listed) -> int:
    """The UID in a locator of ours."""
    return int(listed.locator.partition("/")[2])


def uids_of(messages: Sequence[Listed]) -> str:
    """As a command names them."""
    return ",".join(str(uid_of(listed)) for listed in messages)


def is_large(listed: Listed) -> bool:
    """Whether a message is read in slices; also one of unknown size."""
    return listed.size is None or listed.size > SLICE


def _pieces(listed: Listed) -> Iterator[_Piece]:
    """Up to a slice that will come short, which says that it is the last."""
    if not is_large(listed):
        yield listed.fingerprint, None
        return
    for offset in range(0, (listed.size or 0) + 1, SLICE):
        yield listed.fingerprint, offset


def _orders(messages: Sequence[Listed], without: Collection[_Piece]) -> Iterator[_Order]:
    """In order: large messages by the slice, small ones together up to a number and a sum of bytes."""
    batch: list[Listed] = []
    total = 0
    for listed in messages:
        missing = [piece for piece in _pieces(listed) if piece not in without]
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


def _order(messages: Sequence[Listed], offset: int | None) -> _Order:
    size = sum(listed.size or 0 for listed in messages) if offset is None else SLICE
    return _Order(uids_of(messages), offset, {(each.fingerprint, offset) for each in messages}, size)
