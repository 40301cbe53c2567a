"""fetch: decides when a message is complete. Servers report wrong sizes and send wrong slices.

A message that was requested whole has the length of its literal. One that arrived in slices is complete if an empty
slice follows and it has at least the reported size. Otherwise it is requested again, whole. That answer counts if it
continues where the slices ended, whatever size was reported.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Protocol

from trac_mailintake.intake.errors import Incomplete
from trac_mailintake.sources.errors import is_temporary
from trac_mailintake.sources.imap.pipelining import SLICE, is_large
from trac_mailintake.sources.net.quota import most

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from trac_mailintake.intake.model import Account, Listed
    from trac_mailintake.sources.imap.whole_message import Whole


_LEAST: Final = 16 * 1024
"""Least average size of slices, in bytes: with smaller ones a message would take a day."""


class Asked(Protocol):
    """The session that serves messages. All methods may raise SourceError; then this message cannot be read further."""

    @property
    def account(self) -> Account:
        """The mailbox of the messages."""

    @property
    def slices(self) -> bool:
        """Whether messages may be requested in slices."""

    def piece(self, listed: Listed, offset: int | None) -> bytes | None:
        """A message, or its slice at `offset`; None if it did not arrive, or not as requested."""

    def is_odd(self, listed: Listed) -> bool:
        """Whether something else arrived instead."""

    def whole(self, listed: Listed) -> tuple[Whole, int | None]:
        """A message as one literal, and its announced size in bytes; None if there is none."""

    def read(self, whole: Whole) -> Iterator[bytes]:
        """Its bytes."""


def opened(asked: Asked, listed: Listed) -> Iterator[bytes] | None:
    """The bytes of a message; None if it does not arrive. Raises SourceError; while it is read, also Incomplete."""
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
    """What has arrived of a message: number of bytes, and their hash."""

    def __init__(self) -> None:
        self.total = 0
        self._hash = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        """Add a piece that has arrived."""
        self.total += len(piece)
        self._hash.update(piece)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self._hash.digest() == other._hash.digest()

    __hash__ = None  # type: ignore[assignment]  # it changes


def _believed(asked: Asked, listed: Listed, body: bytes) -> Iterator[bytes]:
    """Accept any length, whatever was reported; but no bytes at all are not a message that has a size."""
    if listed.size and not body:
        raise _incomplete(asked, listed, f"the server told {listed.size} bytes and gave none")
    yield body


def _sliced(asked: Asked, listed: Listed, piece: bytes | None) -> Iterator[bytes]:
    """Read slices, each from the number of bytes that have arrived; then the rest, if they were not all."""
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
    """The part of the whole message after the known bytes, with which it must begin."""
    whole, length = begun
    if length is None:
        raise _incomplete(asked, listed, whole.fault or f"after {known.total} bytes the server gave no more")
    if length > most(listed.size):
        raise _incomplete(asked, listed, "it is longer than the server told")
    continues = yield from _behind(asked.read(whole), known)
    if whole.fault or not continues or (not length and listed.size != 0):
        why = f"the server told {listed.size} bytes, gave {known.total} in slices, and as a whole {length} others"
        raise _incomplete(asked, listed, whole.fault or why)


def _behind(chunks: Iterator[bytes], known: _Known) -> Generator[bytes, None, bool]:
    """What follows the known bytes. Returns whether the chunks begin with them."""
    again = _Known()
    for chunk in chunks:
        start = min(len(chunk), known.total - again.total)
        if start:
            again.add(chunk[:start])
        if start < len(chunk) and again == known:
            yield chunk[start:]
    return again == known


def _incomplete(asked: Asked, listed: Listed, why: str) -> Incomplete:
    label, what = asked.account.label, f"message {listed.locator}"
    sentence = f"{label}: {what} did not come whole: {why}; it stays there, and is asked for again later"
    return Incomplete(sentence, temporary=is_temporary(why), words=f"{label}: {why}")
