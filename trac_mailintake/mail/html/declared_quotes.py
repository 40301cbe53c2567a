"""parse: the passages that the markup of a mail itself declares to be quoted, as ranges of its text.

On their way through the libraries two of our `marks` stand around them; here they are taken out again.
"""

from __future__ import annotations

import re
from typing import Final

from trac_mailintake.mail.marks import QUOTED, QUOTED_END
from trac_mailintake.mail.reply import attribution, quoted_headers

_MARKS: Final = re.compile(f"[{QUOTED}{QUOTED_END}]")
_ALONE: Final = re.compile(f"\\n{{1,3}}([{QUOTED}{QUOTED_END}]+)[ \\t]{{0,9}}\\n{{1,3}}")
"""Marks in a paragraph of their own."""


def without_marks(text: str) -> str:
    """The text as it will be seen."""
    return text if text.isascii() else _MARKS.sub("", text)


def marks_of(text: str) -> str:
    """The marks that stand in the text, without it."""
    return "" if text.isascii() else "".join(_MARKS.findall(text))


def closed(text: str) -> str:
    """The text with its last passage ended, so that others can be put behind it."""
    return text + QUOTED_END if text.rfind(QUOTED) > text.rfind(QUOTED_END) else text


def taken_out(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text without marks, and the ranges between them; a passage that forwards something counts as none."""
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
    """Whether the passage begins with the announcement of a forwarded message."""
    lines = text[first : min(last, first + 500)].strip().split("\n", 1)
    return quoted_headers.forwards(attribution.bare(lines[0]))
