"""parse: what is new in a reply, and what is only quoted (RFC 3676, 4.5 on quote marks, 4.3 on signatures).

A line belongs to the answer, to a quote, or to what announces one.
What follows an announcement without quote marks is all quote.
With quote marks, an answer below is kept, and if answers stand between the quotes, those quotes are kept with them.
When in doubt a line is kept: a quote too much is a nuisance, an answer too little is a loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trac_mailintake.mail import attribution

_SIGNATURE: Final = {"-- ", "--", "\u2014", "-- \\\\"}
_SIGNATURE_LINES: Final = 12
"""Lines of a signature; more are not one."""
_MOST_LINES: Final = 20_000

_NEW, _QUOTED, _ANNOUNCED, _BLANK = range(4)


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in two: each line of it is in one of them, in order."""

    kept: str
    removed: str


def cut(text: str) -> Cut:
    """Separate the answer from quotes, announcements of quotes and signatures. `kept` is empty only when `text` is."""
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:
        return Cut(text, "")
    kept = _kept(lines)
    if not any(line.strip() for line, keep in zip(lines, kept, strict=True) if keep):
        return Cut(text, "")
    return Cut(
        "\n".join(line for line, keep in zip(lines, kept, strict=True) if keep).strip("\n"),
        "\n".join(line for line, keep in zip(lines, kept, strict=True) if not keep).strip("\n"),
    )


def _kept(lines: list[str]) -> list[bool]:
    """For each line whether it stays."""
    kinds = _kinds(lines)
    keep = [kind in {_NEW, _BLANK} for kind in kinds]
    _keep_answered(kinds, keep)
    _drop_signature(lines, kinds, keep)
    return keep


def _kinds(lines: list[str]) -> list[int]:
    """What each line is, reading downwards; behind an announcement without quote marks everything is quote."""
    bare = [attribution.bare(line) for line in lines]
    kinds = [_kind(line) for line in lines]
    following = _marked_after(kinds)
    for index, line in enumerate(bare):
        if kinds[index] != _NEW:
            continue
        count = attribution.announces(bare, index, quoted_next=following[index])
        if count:
            kinds[index - count + 1 : index + 1] = [_ANNOUNCED] * count
            if not following[index]:
                return _all_quoted(kinds, index)
        elif attribution.heads(bare, index) or (attribution.separates(line) and not following[index]):
            return _all_quoted(kinds, _with_ruler(bare, index) - 1)
        elif attribution.separates(line):
            kinds[index] = _ANNOUNCED
    return kinds


def _kind(line: str) -> int:
    """What a line is by itself."""
    if line.lstrip(" \t\u200b").startswith(">"):
        return _QUOTED
    return _NEW if line.strip() else _BLANK


def _marked_after(kinds: list[int]) -> list[bool]:
    """For each line whether the next one that is not blank has a quote mark."""
    result = [False] * len(kinds)
    marked = False
    for index in range(len(kinds) - 1, -1, -1):
        result[index] = marked
        if kinds[index] != _BLANK:
            marked = kinds[index] == _QUOTED
    return result


def _all_quoted(kinds: list[int], index: int) -> list[int]:
    return [kind if position <= index else _QUOTED for position, kind in enumerate(kinds)]


def _with_ruler(bare: list[str], index: int) -> int:
    """Where the announcement at `index` begins: a ruler or a separator above it belongs to it."""
    above = index - 1
    while above >= 0 and not bare[above]:
        above -= 1
    return above if above >= 0 and (attribution.rules(bare[above]) or attribution.separates(bare[above])) else index


def _keep_answered(kinds: list[int], keep: list[bool]) -> None:
    """Keep the quotes that are answered in place: those with an answer of the sender above and below."""
    new = [index for index, kind in enumerate(kinds) if kind == _NEW]
    if not new:
        return
    first, last = new[0], new[-1]
    quotes = sum(
        1 for index in range(1, len(kinds)) if kinds[index] == _QUOTED and index < last and kinds[index - 1] != _QUOTED
    )
    for index in range(first, last):
        if kinds[index] == _QUOTED or (kinds[index] == _ANNOUNCED and quotes > 1):
            keep[index] = True


def _drop_signature(lines: list[str], kinds: list[int], keep: list[bool]) -> None:
    """Drop a signature at the end of the answer: behind `-- `, or the one that a telephone adds."""
    stay = [index for index, kept in enumerate(keep) if kept and kinds[index] != _BLANK]
    for place, index in enumerate(stay):
        behind = len(stay) - place - 1
        ends = lines[index].rstrip("\r") in _SIGNATURE and behind <= _SIGNATURE_LINES
        if ends or (behind <= 1 and attribution.is_phone(attribution.bare(lines[index]))):
            if place:
                for position in range(index, len(lines)):
                    keep[position] = False
            return
