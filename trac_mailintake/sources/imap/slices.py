"""fetch: when a message is whole. Servers tell wrong sizes, and give slices that are none; what they give is compared.

A message that was asked for whole is as long as its literal. One that came in slices is whole when an empty slice
follows, and it has no fewer bytes than the server told. Else it is asked for again, whole: that answer is believed when
it goes on where the slices ended, whatever size was told.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Protocol

from trac_mailintake.intake.ports import Incomplete
from trac_mailintake.sources.imap.pipelining import SLICE, is_large
from trac_mailintake.sources.net.quota import most

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.intake.model import Account, Listed
    from trac_mailintake.sources.imap.whole_message import Whole


_LEAST: Final = 16 * 1024
"""Bytes that slices have on average, at least: in smaller ones a message would take a day."""


class Asked(Protocol):
    """Who is asked for messages. Everything may raise SourceError, after which this message cannot be read on."""

    @property
    def account(self) -> Account:
        """Whose messages they are."""

    @property
    def slices(self) -> bool:
        """Whether a message may be asked for in slices."""

    def piece(self, listed: Listed, offset: int | None) -> bytes | None:
        """A message, or the slice of it that begins there; None when it did not come (as it was asked for)."""

    def is_odd(self, listed: Listed) -> bool:
        """Whether something else came instead."""

    def whole(self, listed: Listed) -> tuple[Whole, int | None]:
        """A message as one literal; the bytes that it is said to have, None when there is none."""

    def read(self, whole: Whole) -> Iterator[bytes]:
        """Its bytes."""


def opened(asked: Asked, listed: Listed) -> Iterator[bytes] | None:
    """The bytes of a message, None when it does not come. Raises SourceError; while it is read, Incomplete, too."""
    if not is_large(listed):
        body = asked.piece(listed, None)
        if body is not None:
            return _believed(asked, listed, body)
        if not asked.is_odd(listed):
            return None
    elif listed.size is not None and asked.slices:
        first = asked.piece(listed, 0)
        if first:
            return _sliced(asked, listed, first)
    begun = asked.whole(listed)
    whole, length = begun
    if length is None and not whole.fault and not asked.is_odd(listed):
        return None
    return _rest(asked, listed, begun, _Known())


class _Known:
    """What came of a message before: how many bytes, and their hash."""

    def __init__(self) -> None:
        self.total = 0
        self._hash = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        """It came."""
        self.total += len(piece)
        self._hash.update(piece)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self._hash.digest() == other._hash.digest()

    __hash__ = None  # type: ignore[assignment]  # it changes


def _believed(asked: Asked, listed: Listed, body: bytes) -> Iterator[bytes]:
    """As long as it is, whatever was told; but nothing at all is no mail that has a size."""
    if listed.size and not body:
        raise _incomplete(asked, listed, f"the server told {listed.size} bytes and gave none")
    yield body


def _sliced(asked: Asked, listed: Listed, piece: bytes | None) -> Iterator[bytes]:
    """By the slice, from the number of bytes that came on; then the rest, if it was not all."""
    known, pieces = _Known(), 0
    while piece and pieces * _LEAST <= known.total + SLICE:
        known.add(piece)
        pieces += 1
        if known.total > most(listed.size):
            raise _incomplete(asked, listed, "it is longer than the server told")
        yield piece
        piece = asked.piece(listed, known.total)
    if piece or asked.is_odd(listed) or known.total < (listed.size or 0):
        yield from _rest(asked, listed, asked.whole(listed), known)


def _rest(asked: Asked, listed: Listed, begun: tuple[Whole, int | None], known: _Known) -> Iterator[bytes]:
    """What of the whole message comes after what is known of it, which it must begin with."""
    whole, length = begun
    if length is None:
        raise _incomplete(asked, listed, whole.fault or f"after {known.total} bytes the server gave no more")
    if length > most(listed.size):
        raise _incomplete(asked, listed, "it is longer than the server told")
    again = _Known()
    for chunk in asked.read(whole):
        start = min(len(chunk), known.total - again.total)
        if start:
            again.add(chunk[:start])
        if start < len(chunk) and again == known:
            yield chunk[start:]
    if whole.fault or again != known or (not length and listed.size != 0):
        why = f"the server told {listed.size} bytes, gave {known.total} in slices, and as a whole {length} others"
        raise _incomplete(asked, listed, whole.fault or why)


def _incomplete(asked: Asked, listed: Listed, why: str) -> Incomplete:
    label, what = asked.account.label, f"message {listed.locator}"
    return Incomplete(f"{label}: {what} did not come whole: {why}; it stays there, and is asked for again later")
