"""parse: what is new in a reply, and what is only quoted (RFC 3676, 4.5 on quote marks, 4.3 on signatures).

Each line gets a mark: it belongs to the answer, to a quote, to an attribution line, or to a signature.
The sequence of marks decides. After an attribution line, text without quote marks is all quote; with quote marks, an
answer below is kept, and if there are answers between the quotes, those quotes are kept with them.
When in doubt a line is kept: an extra quote is a nuisance, a missing answer is a loss.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.reply import attribution, quoted_headers, signatures
from trac_mailintake.mail.wiki import escape, truncate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trac_mailintake.mail.message import Message

_MOST_LINES: Final = 20_000
_LEAST_ROUNDS: Final = 5
_MOST_ROUNDS: Final = 50
"""Most times that a text is cut, until nothing changes."""
_LOOKS: Final = 100_000
"""Most line visits over all rounds: a long text gets fewer rounds."""
_QUOTE: Final = re.compile(r"[ \t\u200b]*>")
_PROMPT: Final = re.compile(r">>>(?: \S|$)")
"""Python's prompt, which is not a third-level quote unless there are lower-level quotes beside it."""
_BROKEN_LINK: Final = re.compile(r"[ \t]+\S.*>$|[ \t]*[<(]https?:")
_ENDS_ANNOUNCEMENT: Final = re.compile(r">\s?\S{1,20}\s?[:：]$")
"""The end of an attribution line after an address on its own line, which looks like a quote."""
_LONGEST: Final = 500
_INITIALS: Final = re.compile(r"[A-Z]{1,2}>(?: |$)")
_PARTING: Final = 60
"""Up to so many characters below a quote are a greeting, not an answer."""
_STOP: Final = (".", "?", "!", ":", "。", "？")
_FORWARDED: Final = re.compile(
    r"(?:\[[^\]]{0,40}\]\s*)*(?:fwd?|wg|tr|rv|enc|vb|vl|vs|pd|doorst|ilt|i|fs|továbbítás|továbbított|пересл|转发|轉寄)\s?[:：]",
    re.IGNORECASE,
)


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


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in two parts: each line is in one of them, in order."""

    kept: str
    removed: str


def reply(message: Message) -> Cut:
    """The new text of the message. A forwarded mail is kept whole, since the sender wants to show it."""
    if _FORWARDED.match(message.subject.strip()):
        return Cut(message.text, "")
    return message.once("reply", lambda: cut(message.text, message.quoted, markup=message.markup))


def cut(text: str, quoted: Iterable[tuple[int, int]] = (), *, markup: bool = False) -> Cut:
    """Separate the answer from quotes, attribution lines and signatures. `kept` is empty only if `text` is.

    `quoted` are ranges of `text` that the HTML itself marks as quoted. With `markup`, `text` is wiki text, in which a
    block of code is not split.
    """
    lines, declared, parted = _lines(text, quoted, markup=markup)
    seen = _without_blocks(lines) if markup else lines
    if len(lines) > _MOST_LINES:
        return Cut(text, "")
    keep = _kept(seen, declared)
    if len(keep) == len(lines):
        return Cut(text, "")
    kept = set(keep)
    removed = [index for index in range(len(lines)) if index not in kept]
    return Cut(*(_text(lines, chosen, parted, markup=markup) for chosen in (keep, removed)))


def _text(lines: list[str], chosen: list[int], parted: set[int], *, markup: bool) -> str:
    """The text of the chosen lines. The two halves of a split line are joined again if both are chosen."""
    wanted = set(chosen) if parted else set()
    result: list[str] = []
    for index in chosen:
        line = lines[index]
        if index - 1 in parted and index - 1 in wanted:
            result[-1] += line
        elif index in parted and index + 1 not in wanted:
            result.append(truncate.front(line, line + lines[index + 1]) if markup else line)
        else:
            result.append(escape.guarded(line.lstrip()) if markup and index - 1 in parted else line)
    return "\n".join(result).strip("\n")


def _kept(lines: list[str], declared: list[bool]) -> list[int]:
    """The numbers of the lines that stay when the text is cut until nothing changes.

    All lines if that never happens. So cutting twice is the same as cutting once.
    """
    keep = list(range(len(lines)))
    for _ in range(max(_LEAST_ROUNDS, min(_MOST_ROUNDS, _LOOKS // max(len(lines), 1)))):
        staying = _staying([lines[index] for index in keep], [declared[index] for index in keep])
        if len(staying) == len(keep):
            return keep
        keep = [keep[index] for index in staying]
    return list(range(len(lines)))


def _lines(text: str, quoted: Iterable[tuple[int, int]], *, markup: bool) -> tuple[list[str], list[bool], set[int]]:
    """The lines; for each, whether the HTML marks it as quoted; and the numbers of lines that continue in the next one.

    Those are lines that an attribution line shares with the answer: they are split in two. In wiki text a line within
    a block of code is never split, since half a line might end the block.
    """
    ranges = list(quoted)
    lines: list[str] = []
    declared: list[bool] = []
    parted: set[int] = set()
    position = place = 0
    block = False
    for line in text.split("\n"):
        end = position + len(line)
        while place < len(ranges) and ranges[place][1] <= position:
            place += 1
        inside = place < len(ranges) and ranges[place][0] <= position < ranges[place][1]
        block = markup and _is_code(line, block=block)
        at = 0 if block else attribution.shared(line)
        if at:
            parted.add(len(lines))
        pieces = [line[:at], line[at:]] if at else [line]
        lines += pieces
        declared += [inside] * len(pieces)
        position = end + 1
    return lines, declared, parted


def _without_blocks(lines: list[str]) -> list[str]:
    """The lines as they are judged: nothing in a block of code is a quote or a signature."""
    seen: list[str] = []
    block = False
    for line in lines:
        seen.append("{{{" if block or _is_code(line, block=block) else line)
        block = _is_code(line, block=block)
    return seen


def _is_code(line: str, *, block: bool) -> bool:
    """Whether a block of code is open after the line; `block`: whether one was open before it."""
    bare = line.strip()
    return bare == "{{{" or (block and bare != "}}}")


def _staying(lines: list[str], declared: list[bool]) -> list[int]:
    """The numbers of the lines that stay: all of them when no answer would be left."""
    marks = _marks(lines, declared)
    if Mark.NEW not in marks:
        return list(range(len(lines)))
    first, end = _answered(lines, marks)
    drop = {Mark.ANNOUNCED, Mark.SIGNATURE}
    return [
        index
        for index, mark in enumerate(marks)
        if mark not in drop and (mark is not Mark.QUOTED or first <= index < end)
    ]


# marks


def _marks(lines: list[str], declared: list[bool]) -> list[Mark]:
    """What each line is, reading downwards."""
    marks = [_mark(line) for line in lines]
    _mark_prompts(lines, marks)
    _mark_initials(lines, marks)
    _mark_broken_links(lines, marks)
    bare = [attribution.bare(line) for line in lines]
    _mark_announced(lines, bare, marks, declared)
    _mark_rulers(bare, marks)
    _mark_signatures(lines, bare, marks)
    return marks


def _mark_announced(lines: Sequence[str], bare: list[str], marks: list[Mark], declared: Sequence[bool]) -> None:
    """Announcements, what the HTML declares as quoted, and all that follows the last announcement."""
    following = _quoted_after(marks)
    index = 0
    while index < len(lines):
        if declared[index] and marks[index] is not Mark.BLANK:
            begin = index if index and declared[index - 1] else quoted_headers.top(bare, index)
            marks[begin : index + 1] = [Mark.ANNOUNCED] * (index + 1 - begin)
        elif marks[index] is Mark.NEW or _ends_announcement(lines, marks, index):
            rest = _judge(bare, marks, index, quoted_next=following[index])
            if rest is not None:
                marks[index:] = [rest] * (len(lines) - index)
                break
        index += 1


def _mark_rulers(bare: Sequence[str], marks: list[Mark]) -> None:
    """A ruler between an answer and the quote below it belongs to the quote, if it underlines nothing."""
    for start, _ in _runs(marks, Mark.QUOTED):
        above = next((index for index in range(start - 1, max(-1, start - 3), -1) if bare[index]), -1)
        if above > 0 and marks[above] is Mark.NEW and quoted_headers.ends(bare[above]) and not bare[above - 1]:
            marks[above] = Mark.ANNOUNCED


def _ends_announcement(lines: Sequence[str], marks: Sequence[Mark], index: int) -> bool:
    """Whether a line is the end of an address and of the announcement with it, and only looks like a quote."""
    alone = index > 0 and Mark.QUOTED not in marks[index - 1 : index + 2 : 2]
    return alone and marks[index] is Mark.QUOTED and bool(_ENDS_ANNOUNCEMENT.match(lines[index]))


def _mark(line: str) -> Mark:
    """What a line is by itself."""
    if _QUOTE.match(line) and not attribution.looks_quoted(line):
        return Mark.QUOTED
    return Mark.NEW if line.strip() else Mark.BLANK


def _mark_prompts(lines: Sequence[str], marks: list[Mark]) -> None:
    """Prompts that only look like quotes."""
    for start, end in _runs(marks, Mark.QUOTED):
        if all(_PROMPT.match(line) for line in lines[start:end]):
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


def _runs(marks: Sequence[Mark], wanted: Mark) -> list[tuple[int, int]]:
    """Beginning and end of each run of one mark."""
    runs: list[tuple[int, int]] = []
    for index, mark in enumerate(marks):
        if mark is wanted and runs and runs[-1][1] == index:
            runs[-1] = runs[-1][0], index + 1
        elif mark is wanted:
            runs.append((index, index + 1))
    return runs


def _quoted_after(marks: Sequence[Mark]) -> list[bool]:
    """For each line whether the next one that is not blank has a quote mark."""
    result = [False] * len(marks)
    quoted = False
    for index in range(len(marks) - 1, -1, -1):
        result[index] = quoted
        if marks[index] is not Mark.BLANK:
            quoted = marks[index] is Mark.QUOTED
    return result


def _judge(bare: list[str], marks: list[Mark], index: int, *, quoted_next: bool) -> Mark | None:
    """If a line announces a quote, mark the announcement. Returns the mark of it and all lines after it, or None."""
    line = bare[index]
    if quoted_headers.forwards(line):
        return Mark.FORWARDED
    count = attribution.announces(bare, index, quoted_next=quoted_next)
    introduces = bool(count) or quoted_headers.separates(line)
    if not introduces and not quoted_headers.heads(bare, index):
        return None
    begin = quoted_headers.top(bare, index - max(count, 1) + 1)
    marks[begin : index + 1] = [Mark.ANNOUNCED] * (index + 1 - begin)
    on_top = bool(count) and not any(bare[:begin])
    return None if introduces and (quoted_next or on_top) else Mark.ANNOUNCED


def _mark_signatures(lines: list[str], bare: list[str], marks: list[Mark]) -> None:
    """The ends of the first and of the last piece of the answer may be signatures."""
    pieces = [piece for piece in _pieces(marks) if Mark.NEW in marks[slice(*piece)]]
    for start, end in {pieces[0], pieces[-1]} if pieces else ():
        begin = signatures.begin(lines, bare, start, end)
        marks[begin:end] = [Mark.SIGNATURE] * (end - begin)


def _pieces(marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """Beginning and end of each run of new and blank lines."""
    return _runs([Mark.NEW if mark is Mark.BLANK else mark for mark in marks], Mark.NEW)


# decision


def _answered(lines: Sequence[str], marks: Sequence[Mark]) -> tuple[int, int]:
    """The range in which quotes stay: those that are answered in place, and one at the top that nothing announces."""
    groups = _groups(marks)
    kinds = [marks[start] for start, _ in groups]
    first, last = kinds.index(Mark.NEW), len(kinds) - 1 - kinds[::-1].index(Mark.NEW)
    begin, end = groups[first][0], groups[last][0]
    if _is_answered(kinds[first:last], lines[end:]):
        return 0, end
    return (begin if Mark.ANNOUNCED in kinds[:first] else 0), begin


def _is_answered(kinds: Sequence[Mark], below: Sequence[str]) -> bool:
    """Whether one of the quotes between the first and the last new text is answered.

    `kinds` are the kinds of the groups from the one to the other, `below` are the lines from the last new text on.
    A single announced quote with no more than a greeting below it is not answered.
    """
    quotes = kinds.count(Mark.QUOTED)
    announced = quotes == 1 and kinds[kinds.index(Mark.QUOTED) - 1] is Mark.ANNOUNCED
    return quotes > 0 and not (announced and _is_parting(below))


def _groups(marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """Beginning and end of each run of one mark, ignoring blank lines."""
    groups: list[tuple[int, int]] = []
    for index, mark in enumerate(marks):
        if mark is Mark.BLANK:
            continue
        if groups and marks[groups[-1][0]] is mark:
            groups[-1] = groups[-1][0], index + 1
        else:
            groups.append((index, index + 1))
    return groups


def _is_parting(lines: Sequence[str]) -> bool:
    """Whether the lines are a greeting and a name at most, which answer nothing."""
    text = "\n".join(lines).strip()
    return len(text) <= _PARTING and not text.endswith(_STOP)
