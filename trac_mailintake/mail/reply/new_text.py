"""parse: what is new in a reply, and what is only quoted (RFC 3676, 4.5 on quote marks, 4.3 on signatures).

`marks` says what each line is by itself, `weigh` which lines are cut, and why. This module splits the text into lines,
cuts until nothing changes, and joins what is left.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.reply import attribution
from trac_mailintake.mail.reply.weigh import dropped
from trac_mailintake.mail.wiki import escape, truncate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.reply.weigh import Why

_MOST_LINES: Final = 20_000
_LEAST_ROUNDS: Final = 5
_MOST_ROUNDS: Final = 50
"""Most times that a text is cut, until nothing changes."""
_LOOKS: Final = 100_000
"""Most line visits over all rounds: a long text gets fewer rounds."""
_FORWARDED: Final = re.compile(
    r"(?:\[[^\]]{0,40}\]\s*)*(?:fwd?|wg|tr|rv|enc|vb|vl|vs|pd|doorst|ilt|i|fs|továbbítás|továbbított|пересл|转发|轉寄)\s?[:：]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in two parts: each line is in one of them, in order."""

    kept: str
    removed: str
    why: Mapping[Why, int] = field(default_factory=dict)
    """How many lines were cut for which reason."""


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
    cuts = _cuts(seen, declared)
    if not cuts:
        return Cut(text, "")
    keep = [index for index in range(len(lines)) if index not in cuts]
    kept, removed = (_text(lines, chosen, parted, markup=markup) for chosen in (keep, sorted(cuts)))
    return Cut(kept, removed, Counter(cuts[index] for index in sorted(cuts) if lines[index].strip()))


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


def _cuts(lines: list[str], declared: list[bool]) -> dict[int, Why]:
    """The numbers of the lines that go when the text is cut until nothing changes, and why; none if that never happens.

    So cutting twice is the same as cutting once.
    """
    keep = list(range(len(lines)))
    cuts: dict[int, Why] = {}
    for _ in range(max(_LEAST_ROUNDS, min(_MOST_ROUNDS, _LOOKS // max(len(lines), 1)))):
        found = dropped([lines[index] for index in keep], [declared[index] for index in keep])
        if not found:
            return cuts
        cuts |= {keep[index]: why for index, why in found.items()}
        keep = [number for index, number in enumerate(keep) if index not in found]
    return {}


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
