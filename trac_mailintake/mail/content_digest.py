"""fetch, dispose: whether two readings of a mail are the same mail.

Servers write header fields into a mail that they keep in an mbox: its flags, its UID, the mailbox's UIDVALIDITY. These
change while the mail stays the same, so the digest of its content leaves them out (docs/behaviour.md#the-same-mail).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WRITTEN_BY_SERVERS: Final = ("Status", "X-Status", "X-UID", "X-IMAPbase", "X-Keywords")
"""The header fields that do not count: UW imapd, Dovecot, Cyrus' tools and GNU mailutils write them into an mbox."""

_FIELD: Final = re.compile(
    rb"(?:" + "|".join(WRITTEN_BY_SERVERS).encode("ascii") + rb")[ \t]*:",
    re.IGNORECASE,
)
_NAME: Final = 64
"""Bytes of a line that show which field it begins: more than the longest of these names, and some white space."""


class ContentDigest:
    """The SHA-256 of a mail without the fields that servers write. Its memory does not grow with the mail."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._begun = b""
        """The beginning of a line, as long as it does not show what the line is."""
        self._at_start = True
        self._leaving_out = False
        self._in_header = True

    def update(self, chunk: bytes) -> None:
        """Add the next bytes of the mail."""
        if not self._in_header:
            self._hash.update(chunk)
            return
        chunk = self._begun + chunk
        self._begun = b""
        start = 0
        while start < len(chunk):
            end = chunk.find(b"\n", start) + 1
            if self._at_start and not end and len(chunk) - start < _NAME:
                self._begun = chunk[start:]
                return
            goes_on = self._line(chunk[start : end or len(chunk)], ends=bool(end))
            start = end or len(chunk)
            if not goes_on:
                self._in_header = False
                self._hash.update(chunk[start:])
                return

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks, and add each."""
        for chunk in chunks:
            self.update(chunk)
            yield chunk

    def hexdigest(self) -> str:
        """The digest of what has been added, hex."""
        known = self._hash.copy()
        if not self._is_left_out(self._begun):
            known.update(self._begun)
        return known.hexdigest()

    def _line(self, piece: bytes, *, ends: bool) -> bool:
        """A line of the header, or a piece of one that is longer than a chunk. Returns whether the header goes on."""
        at_start, self._at_start = self._at_start, ends
        if at_start:
            self._leaving_out = self._is_left_out(piece)
        if not self._leaving_out:
            self._hash.update(piece)
        return not at_start or piece not in (b"\r\n", b"\n")

    def _is_left_out(self, begun: bytes) -> bool:
        if begun[:1] in (b" ", b"\t"):
            return self._leaving_out
        return _FIELD.match(begun) is not None


def content_digest(chunks: Iterable[bytes]) -> str:
    """The digest of a mail's content, hex."""
    known = ContentDigest()
    for chunk in chunks:
        known.update(chunk)
    return known.hexdigest()
