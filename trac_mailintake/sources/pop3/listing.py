"""fetch: the answers to LIST and UIDL (RFC 1939, 5 and 7), each line by itself: a wrong one concerns only its mail."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.sources.net.quota import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LONGEST_UIDL: Final = 500
"""RFC 1939 allows 70 characters, but not every server keeps to that."""
_MOST_DIGITS: Final = 10
"""Of a message's number."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the server says of a message. `name`: its UIDL, "" if it has none; `size`: in bytes, None if unknown.

    `alone`: no other message has this UIDL, so that it identifies the message.
    """

    name: str
    size: int | None
    alone: bool


def lines(sizes: Sequence[bytes], names: Sequence[bytes]) -> dict[int, Line]:
    """The messages by number, from the lines of LIST and of UIDL. A message may be missing in one of them.

    Raises ValueError if there are lines of LIST, and no message is in any of them.
    """
    known = {number: _size(word) for number, word in _numbered(sizes)}
    if sizes and not known:
        raise ValueError(f"LIST: {sizes[0]!r}")
    named = {number: _name(word) for number, word in _numbered(names)}
    often = Counter(named.values())
    return {
        number: Line(name, known.get(number), alone=bool(name) and often[name] == 1)
        for number, name in _in_order(known, named)
    }


def _in_order(sizes: Mapping[int, int | None], names: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    return ((number, names.get(number, "")) for number in sorted(sizes.keys() | names.keys()))


def _numbered(said: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """The number and the word behind it in each line that has a number; b"" if there is no word."""
    for line in said:
        number, word, *_ = (*line.split(), b"", b"")
        if number.isdigit() and len(number) <= _MOST_DIGITS:
            yield int(number), word


def _size(word: bytes) -> int | None:
    """A size; a negative one is taken for 0, as 32 bits were not enough for it."""
    try:
        return min(max(0, int(word)), LARGEST)
    except ValueError:
        return None


def _name(word: bytes) -> str:
    """A UIDL as text that can be stored and shown; the hash of an invalid one (RFC 1939, 7)."""
    text = word.decode("ascii", "backslashreplace")
    return text if text.isprintable() and len(text) <= _LONGEST_UIDL else hashlib.sha256(word).hexdigest()
