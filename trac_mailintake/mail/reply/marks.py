"""parse: what each line of a text is by itself and beside its neighbours (RFC 3676, 4.5 on quote marks)."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.reply import attribution

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUOTE: Final = re.compile(r"[ \t\u200b]*>")
_PROMPT: Final = re.compile(r">>>(?: \S|$)")
"""Python's prompt, which is not a third-level quote unless there are lower-level quotes beside it."""
_MANGLED: Final = ">From "
"""How programs that write an mbox escape a line of text."""
_BROKEN_LINK: Final = re.compile(r"[ \t]+\S.*>$|[ \t]*[<(]https?:")
_LONGEST: Final = 500
_GROUPWISE_LINES: Final = 2
"""GroupWise's attribution line may be broken in two."""
_INITIALS: Final = re.compile(r"[A-Z]{1,2}>(?: |$)")


class Mark(Enum):
    """What a line is."""

    BLANK = auto()
    NEW = auto()
    QUOTED = auto()
    """It has a quote mark."""
    ANNOUNCED = auto()
    """An attribution line, or a line of a quote without quote marks: always removed."""
    SIGNATURE = auto()
    FORWARDED = auto()
    """Kept, but not an answer."""


def by_themselves(lines: Sequence[str]) -> list[Mark]:
    """Which lines are blank, quoted, or neither."""
    marks = [_mark(line) for line in lines]
    if Mark.QUOTED in marks:
        _mark_no_quotes(lines, marks)
    _mark_initials(lines, marks)
    _mark_broken_links(lines, marks)
    return marks


def runs(marks: Sequence[Mark], wanted: Mark) -> list[tuple[int, int]]:
    """Beginning and end of each run of one mark."""
    found: list[tuple[int, int]] = []
    for index, mark in enumerate(marks):
        if mark is wanted and found and found[-1][1] == index:
            found[-1] = found[-1][0], index + 1
        elif mark is wanted:
            found.append((index, index + 1))
    return found


def groups(marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """Beginning and end of each run of one mark, ignoring blank lines."""
    found: list[tuple[int, int]] = []
    for index, mark in enumerate(marks):
        if mark is Mark.BLANK:
            continue
        if found and marks[found[-1][0]] is mark:
            found[-1] = found[-1][0], index + 1
        else:
            found.append((index, index + 1))
    return found


def _mark(line: str) -> Mark:
    """What a line is by itself."""
    if _QUOTE.match(line) and not attribution.looks_quoted(line):
        return Mark.QUOTED
    return Mark.NEW if line.strip() else Mark.BLANK


def _mark_no_quotes(lines: Sequence[str], marks: list[Mark]) -> None:
    """Prompts, and lines that a mailbox escaped: they only look like quotes."""
    for start, end in runs(marks, Mark.QUOTED):
        if end - start <= _GROUPWISE_LINES and attribution.looks_quoted(
            lines[start], "".join(lines[start + 1 : start + 2])
        ):
            marks[start : start + 2] = [Mark.NEW] * 2
            continue
        prompts = all(_PROMPT.match(line) for line in lines[start:end])
        if prompts or (end - start == 1 and lines[start].startswith(_MANGLED)):
            marks[start:end] = [Mark.NEW] * (end - start)


def _mark_initials(lines: Sequence[str], marks: list[Mark]) -> None:
    """Quotes whose lines begin with the same initials."""
    for index in range(1, len(lines)):
        pair = _INITIALS.match(lines[index]), _INITIALS.match(lines[index - 1])
        if pair[0] and pair[1] and pair[0][0].strip() == pair[1][0].strip():
            marks[index - 1 : index + 1] = [Mark.QUOTED] * 2


def _mark_broken_links(lines: Sequence[str], marks: list[Mark]) -> None:
    """Links that were broken off quotes."""
    for index in range(1, len(lines) - 1):
        between = marks[index - 1] is Mark.QUOTED and marks[index + 1] is Mark.QUOTED
        if between and marks[index] is Mark.NEW and _BROKEN_LINK.match(lines[index][:_LONGEST]):
            marks[index] = Mark.QUOTED
