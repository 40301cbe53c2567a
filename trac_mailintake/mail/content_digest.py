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

_NAMED: Final = rb"(?:" + "|".join(WRITTEN_BY_SERVERS).encode("ascii") + rb")[ \t]*:"
_FIELD: Final = re.compile(_NAMED, re.IGNORECASE)
_FURTHER: Final = re.compile(rb"\n" + _NAMED, re.IGNORECASE)
_END: Final = re.compile(rb"\n\r?\n")
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
        self._begins = True

    def update(self, chunk: bytes) -> None:
        """Add the next bytes of the mail."""
        if self._begins and _has_plain_header(chunk):
            self._in_header = False
        self._begins = False
        if self._in_header:
            chunk, self._begun = self._header(self._begun + chunk), b""
            if self._in_header:
                self._begun = chunk
                return
        self._hash.update(chunk)

    def _header(self, chunk: bytes) -> bytes:
        """Add the lines of the header. Returns what is left: the body, or the beginning of a line."""
        start = 0
        while self._in_header and start < len(chunk):
            end = chunk.find(b"\n", start) + 1
            if self._at_start and not end and len(chunk) - start < _NAME:
                break
            self._in_header = self._line(chunk[start : end or len(chunk)], ends=bool(end))
            start = end or len(chunk)
        return chunk[start:]

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


class PassingDigest:
    """The same of a mail that passes by, and whose bytes are hashed elsewhere: most mail need not be hashed twice."""

    def __init__(self) -> None:
        self._apart: ContentDigest | None = None
        """None: it is the hash of all the bytes."""

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks."""
        begins = True
        for chunk in chunks:
            if begins and not _has_plain_header(chunk):
                self._apart = ContentDigest()
            begins = False
            if self._apart is not None:
                self._apart.update(chunk)
            yield chunk

    def hexdigest(self, sha256: str) -> str:
        """The digest, hex; `sha256` is the hash of all the bytes that passed."""
        return sha256 if self._apart is None else self._apart.hexdigest()


def _has_plain_header(begun: bytes) -> bool:
    """Whether the beginning of a mail has the whole header, and in it none of these fields: most mail has none."""
    end = _END.search(begun)
    return end is not None and not _FIELD.match(begun) and not _FURTHER.search(begun, 0, end.start())


def content_digest(chunks: Iterable[bytes]) -> str:
    """The digest of a mail's content, hex."""
    known = ContentDigest()
    for chunk in chunks:
        known.update(chunk)
    return known.hexdigest()
