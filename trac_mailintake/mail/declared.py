"""parse: the passages that the markup of a mail itself declares to be quoted, as ranges of its text.

On their way through the libraries the marks are two characters of private use; here they are taken out again.
"""

from __future__ import annotations

import re
from typing import Final

from trac_mailintake.mail import attribution, headerblocks

BEGIN: Final = "\ue003"
END: Final = "\ue004"

_MARKS: Final = re.compile(f"[{BEGIN}{END}]")
_ALONE: Final = re.compile(f"\\n{{1,3}}([{BEGIN}{END}]+)[ \\t]{{0,9}}\\n{{1,3}}")
"""Marks in a paragraph of their own."""


def without_marks(text: str) -> str:
    """The text of a stranger, who may know our marks."""
    return text if text.isascii() else _MARKS.sub("", text)


def closed(text: str) -> str:
    """The text with its last passage ended, so that others can be put behind it."""
    return text + END if text.rfind(BEGIN) > text.rfind(END) else text


def taken_out(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text without marks, and the ranges between them; a passage that forwards something counts as none."""
    if BEGIN not in text:
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
        if match[0] == BEGIN:
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
    return headerblocks.forwards(attribution.bare(lines[0]))
