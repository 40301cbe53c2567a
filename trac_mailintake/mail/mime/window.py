"""parse: reads the spooled bytes once, through a window of constant size.

The scanner and the hashes need every byte once; both get it from here, so that a message is read once.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

    from trac_mailintake.mail.spool import Slice


class Tape:
    """A window on `raw` that only moves forward. Positions are offsets within `raw`, in bytes.

    `window` has the bytes from `base` on. Hashes are computed of all bytes read, and of those after `mark_body`.
    Raises OSError when the spool cannot be read.
    """

    __slots__ = ("_all", "_blocks", "_body", "_ended", "_in_body", "base", "raw", "window")

    def __init__(self, raw: Slice) -> None:
        self.raw = raw
        self.window = b""
        self.base = 0
        self._blocks = raw.chunks()
        self._ended = False
        self._all = hashlib.sha256()
        self._body = hashlib.sha256()
        self._in_body = False

    @property
    def end(self) -> int:
        """The position behind the last byte that was read."""
        return self.base + len(self.window)

    def _load(self, keep: int) -> None:
        """Read the next block, and drop the bytes before the position `keep`."""
        block = next(self._blocks, b"")
        if not block:
            self._ended = True
            return
        self._all.update(block)
        if self._in_body:
            self._body.update(block)
        self.window = self.window[keep - self.base :] + block
        self.base = keep

    def ensure(self, position: int, count: int) -> None:
        """Make sure that the `count` bytes from `position` on are in the window, or as many as there are."""
        while not self._ended and self.end < position + count:
            self._load(max(self.base, min(position, self.end) - 1))

    def find(self, needle: bytes, position: int) -> int:
        """The next position of `needle`, -1 when there is none. The byte before it stays in the window."""
        while True:
            index = self.window.find(needle, position - self.base)
            if index >= 0:
                return self.base + index
            if self._ended:
                return -1
            position = max(position, self.end - len(needle) + 1)
            self._load(max(self.base, position - 1))

    def search(self, pattern: re.Pattern[bytes], position: int, reach: int) -> re.Match[bytes] | None:
        """The next match of `pattern`, whose matches are at most `reach` bytes long."""
        while True:
            match = pattern.search(self.window, position - self.base)
            if match and (self._ended or self.base + match.end() < self.end):
                return match
            if self._ended:
                return match
            position = max(position, self.end - reach)
            self._load(max(self.base, position - 1))

    def mark_body(self, position: int) -> None:
        """Set, once, where the MIME body begins, which is hashed from there on. `position` must be in the window."""
        self._in_body = True
        self._body.update(self.window[position - self.base :])

    def memory(self) -> bytes | None:
        """The whole message when it is still in the window, else None."""
        return self.window if self._ended and self.base == 0 else None

    def drain(self) -> None:
        """Read to the end, for the hashes; a message of one block stays in the window."""
        while not self._ended:
            self._load(self.end)

    def sha256(self) -> str:
        """Hex digest of all bytes read."""
        return self._all.hexdigest()

    def digest(self, *first: str) -> str:
        """Hex digest of the texts `first` and the bytes behind `mark_body`."""
        whole = hashlib.sha256("\0".join(first).encode("utf-8", "replace"))
        whole.update(self._body.digest())
        return whole.hexdigest()
