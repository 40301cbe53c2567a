"""parse: escapes strangers' text in a line that also has our markup."""

from __future__ import annotations

from collections import deque
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.wiki import escape

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence

_ESCAPABLE: Final = "'_~^,{}[|="
"""First and last characters of our markup that adjacent text could double."""


def mixed(pieces: Sequence[tuple[str, bool]]) -> str:
    """A line of alternating strangers' text and our markup (`True`), with the text escaped in its final context.

    A rule that would begin in the text and end after our markup is broken by an invisible character instead: an escape
    would show our markup as text, too.
    """
    pieces = _apart(pieces)
    line = "".join(piece for piece, _ in pieces)
    text = "\0".join(piece for piece, ours in pieces if not ours)
    if len(pieces) == 1 and not pieces[0][1]:
        return escape.escaped(line)
    if _reads_as_typed(text) and "{{{" not in line:
        return line
    return edited(line, _escapes(line, _ours(pieces)))


def _reads_as_typed(text: str) -> bool:
    """Whether no rule can match in the text, wherever it stands."""
    return text.isascii() and not escape.SUSPECT.search(text) and "@" not in text


def _ours(pieces: Sequence[tuple[str, bool]]) -> deque[tuple[int, int]]:
    """The ranges of our markup in the line of the pieces."""
    ends = accumulate(len(piece) for piece, _ in pieces)
    return deque((end - len(piece), end) for end, (piece, ours) in zip(ends, pieces, strict=True) if ours)


def _apart(pieces: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """The pieces, with an invisible character wherever text and markup would merge."""
    result = list(pieces[:1])
    for (left, ours), (right, ours_too) in pairwise(pieces):
        apart = _clash(left, right, ours=ours) if ours != ours_too else ours and left == right == left[0] * len(left)
        if apart and not ours:
            result[-1] = result[-1][0] + escape.MARK, False
        elif apart and ours_too:
            result.append((escape.MARK, False))
        result.append((escape.MARK + right if apart and not ours_too else right, ours_too))
    return result


def _clash(left: str, right: str, *, ours: bool) -> bool:
    """Whether our markup, on the left if `ours`, would be escaped by adjacent text or continue in it."""
    last, first = left[-1], right[0]
    if not ours and last == "!":
        return first in _ESCAPABLE
    return (last == first and first in _ESCAPABLE and not (ours and first == "{")) or {last, first} == {"=", "|"}


def _escapes(line: str, ours: deque[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """Yield replacements (begin, end, text) for a line, in order; `ours` has the ranges of our markup, in order."""
    rules, at = escape.rules_for(line), 0
    while match := rules.search(line, at):
        start, end = match.span()
        while ours and ours[0][1] <= start:
            ours.popleft()
        border = ours[0][0] if ours else len(line)
        if border <= start:
            behind = _behind(match, ours)
            at = behind or start
            if behind > ours[0][1]:
                yield start, end, escape.inert(match[0])
            if not behind:  # not the markup that we meant: treat it as text
                ours.popleft()
        elif border < end:
            at = start + 1
            yield _broken(match, border)
        else:
            at = max(end, start + 1)
            yield start, end, escape.escape(match)


def _behind(match: re.Match[str], ours: deque[tuple[int, int]]) -> int:
    """The end of our markup that a rule matched: a link with its label, code with its text; 0 if it is not ours."""
    begin, end = ours[0]
    line = match.string
    if line.startswith("{{{", begin):
        closed = len(ours) > 1 and match.span() == (begin, ours[1][1]) and line[slice(*ours[1])] == "}}}"
        return match.end() if closed else 0
    return end if line[begin] != "[" or match.span() == ours[0] else 0


def _broken(match: re.Match[str], border: int) -> tuple[int, int, str]:
    """The replacement that prevents a match across `border`, where our markup begins."""
    start, found = match.start(), match[0]
    if found[0] == "`":  # only code can prevent this match
        return start, start + 1, "{{{`}}}"
    if found[0] in "[{<|":
        return start + 1, start + 1, escape.MARK
    place = start + found.find(":") + 1 if match.lastgroup == "link" else border
    return place, place, escape.MARK


def edited(line: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The line with some of its characters replaced, each once."""
    pieces: list[str] = []
    position = 0
    for start, end, instead in sorted(set(edits)):
        pieces += line[position:start], instead
        position = max(position, end)
    return "".join((*pieces, line[position:]))
