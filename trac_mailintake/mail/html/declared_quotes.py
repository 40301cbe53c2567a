"""parse: ranges of the text that the HTML itself marks as quoted.

Two of our `marks` surround them while the libraries run; this module removes the marks.
"""

from __future__ import annotations

import re
from typing import Final

from trac_mailintake.mail.marks import QUOTED, QUOTED_END
from trac_mailintake.mail.reply import attribution, quoted_headers

_MARKS: Final = re.compile(f"[{QUOTED}{QUOTED_END}]")
_ALONE: Final = re.compile(f"\\n{{1,3}}([{QUOTED}{QUOTED_END}]+)[ \\t]{{0,9}}\\n{{1,3}}")
"""Marks in their own paragraph."""


def without_marks(text: str) -> str:
    """The text without marks."""
    return text if text.isascii() else _MARKS.sub("", text)


def marks_of(text: str) -> str:
    """Only the marks in the text."""
    return "" if text.isascii() else "".join(_MARKS.findall(text))


def closed(text: str) -> str:
    """The text with its last quoted range closed, so that other text can follow."""
    return text + QUOTED_END if text.rfind(QUOTED) > text.rfind(QUOTED_END) else text


def taken_out(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text without marks, and the ranges between them, except forwarded messages."""
    if QUOTED not in text:
        return without_marks(text), ()
    text = _ALONE.sub(r"\n\n\1", text).strip("\n")
    pieces: list[str] = []
    ranges: list[tuple[int, int]] = []
    length = position = 0
    begin: int | None = None
    for match in _MARKS.finditer(text):
        pieces.append(text[position : match.start()])
        length += match.start() - position
        position = match.end()
        if match[0] == QUOTED:
            begin = length if begin is None else begin
        elif begin is not None:
            ranges.append((begin, length))
            begin = None
    whole = "".join((*pieces, text[position:]))
    if begin is not None:
        ranges.append((begin, len(whole)))
    return whole, tuple((first, last) for first, last in ranges if not _forwards(whole, first, last))


def _forwards(text: str, first: int, last: int) -> bool:
    """Whether the range begins with the announcement of a forwarded message."""
    lines = text[first : min(last, first + 500)].strip().split("\n", 1)
    return quoted_headers.forwards(attribution.bare(lines[0]))
