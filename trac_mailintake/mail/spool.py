"""fetch: a message on disk, read in slices so that memory does not grow with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 256 * 1024
"""Bytes read at a time."""


@dataclass(frozen=True, slots=True)
class Slice:
    """`length` bytes of the file at `path`, from `offset` on."""

    path: str
    offset: int
    length: int

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The bytes, at most `size` at a time.

        Raises OSError, also when the file is shorter than the slice says.
        """
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            left = self.length
            while left:
                chunk = file.read(min(size, left))
                if not chunk:
                    message = f"{self.path} ends {left} bytes before it should"
                    raise OSError(message)
                left -= len(chunk)
                yield chunk

    def read(self, limit: int | None = None) -> bytes:
        """The first `limit` bytes (all when None), in memory."""
        wanted = self.length if limit is None else min(limit, self.length)
        return b"".join(self.part(0, wanted).chunks())

    def part(self, start: int, end: int) -> Slice:
        """The slice from `start` to `end` (exclusive), both counted within this one."""
        return Slice(self.path, self.offset + start, end - start)


@dataclass(frozen=True, slots=True)
class InMemory(Slice):
    """Bytes that are on no disk, such as the header of a mail whose body is not fetched."""

    data: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, data: bytes) -> InMemory:
        """All of `data`."""
        return cls("", 0, len(data), data)

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The bytes, at most `size` at a time."""
        end = self.offset + self.length
        for start in range(self.offset, end, size):
            yield self.data[start : min(start + size, end)]

    def part(self, start: int, end: int) -> InMemory:
        """The slice from `start` to `end` (exclusive), both counted within this one."""
        return InMemory(self.path, self.offset + start, end - start, self.data)
