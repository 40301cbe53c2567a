"""parse: estimates what a text costs Trac's wiki formatter (trac/wiki/formatter.py, parser.py), and limits the cost.

Trac tries all of its rules at every character of a line. Some read to the end of the line each time, one takes twice as
long with every `./`, and each match takes as long as five letters. Quotes within quotes are formatted recursively. All
this happens again whenever somebody views the ticket.

Costs are microseconds beyond those of prose, measured on one machine: only their ratios matter.
"""

from __future__ import annotations

import re
from typing import Final

from trac_mailintake.mail.marks import QUOTED, QUOTED_END
from trac_mailintake.mail.scrub import scrub

MARK: Final = "\u200b"
"""A zero-width space: prevents a match where no escape can."""
DEPTH: Final = 20
"""Most quote marks of a line that stay markup; with some 450 Trac fails with a RecursionError within its page."""

_ALLOWED: Final = 2.3
"""Allowed cost for each character: prose takes 1.4, and the limit is three times as much."""
_SLACK: Final = 15_000.0
"""Allowed cost for any text; the limit is 20 ms."""
_TOKENS: Final = {
    **dict.fromkeys("&<>", 7.0),
    **dict.fromkeys(("^", "!", "#", "`"), 6.0),
    **dict.fromkeys(("''", "__", "~~", ",,", "**", "//", "\\\\", "||", "[[", "{{{"), 9.0),
    "@": 40.0,
    ":": 10.0,
    "://": 20.0,
    "|-": 9.0,
    "[[Image(": 170.0,
    "\n": 10.0,
    "* ": 6.0,
    "\t": 12.0,
}
_SPECIALS: Final = b"&<>^!#`'_~,*/\\|[]{}@:=\n\t"
"""Characters of tokens, quotes and headings: a text with few of them needs no further check."""
_MOST: Final = 60.0
"""An upper bound of their cost, for each of them."""
_QUOTE: Final = re.compile(r"^(?:[^\S\n]*+>)++", re.MULTILINE)
_LEVEL: Final = 20.0
"""The cost of each level of quotes that a line opens."""
_IN_QUOTE: Final = 1.5
"""The additional cost of each quote mark of a line."""
_INDENTED: Final = re.compile(r"^[> \t]*?>([ \t]{16,})(?!>)", re.MULTILINE)
_INDENTATION: Final = 0.045
"""The cost of each pair of blanks after the last quote mark: a rule looks for definitions there."""
_HEADING: Final = re.compile(r"^={1,6} ", re.MULTILINE)
_HEADINGS: Final = 150.0, 0.06
"""The cost of each heading, and of each pair of headings: Trac counts up until an anchor is free."""

_SHORT: Final = 128
"""A line of so many characters costs no more than its tokens."""
_WORD: Final = re.compile(rf"[-\w+.]{{{_SHORT},}}")
_BLANKS: Final = re.compile(r"\s{16,}")
_BLANK_LINES: Final = re.compile(r"\n{16,}")
"""They cost as much as other blanks: a timeline shows a text as one line."""
_BLANK_PAIR: Final = 0.0012
"""The cost of each pair of blanks in a row."""
_SCHEME: Final = re.compile(r"<[A-Za-z][-\w+.]*:")
_STARTS: Final = {"{": 0.006, "`": 0.006}
"""The cost of each such character, for each character of its line."""
_BRACKET, _ANGLE = 0.037, 0.016
"""The cost of each bracket, for each character up to the end of it, even lines below: a timeline shows one line."""
_FEW: Final = 8
"""Up to so many brackets are not looked at."""
_CLIMBS: Final = re.compile(r"[./]{18,}")
_CLIMB: Final = re.compile(r"/\.(?=/)")
_MOST_CLIMBS: Final = 4
"""Times `./` in a row: `(?:\\.?\\.?/)*` (trac/wiki/api.py) tries two ways for each, and all their combinations."""
_BLANK: Final = rf"(?:[^\S\n]|[{QUOTED}{QUOTED_END}])*+"
"""What may stand between quote marks; our own marks are taken out later."""
_TOO_DEEP: Final = re.compile(rf"^((?:{_BLANK}>){{{DEPTH}}}{_BLANK})(?=>)", re.MULTILINE)

_OPENING: Final = "{{{"
_CLOSING: Final = "}}}"


def heavy(text: str) -> bool:
    """Whether `text`, wiki text or text still to be escaped, would cost Trac too much: see `_ALLOWED`, `_SLACK`."""
    if _climbs(text):
        return True
    allowed = _SLACK + _ALLOWED * len(text)
    raw = text.encode("utf-8", "replace")
    cost = (len(raw) - len(raw.translate(None, _SPECIALS))) * _MOST
    if cost > _SLACK:
        cost = _of_tokens(text)
    cost += _of_blanks(text)
    cost += sum(_of_line(line) for line in text.split("\n") if len(line) > _SHORT)
    return cost > allowed or cost + _of_brackets(text) > allowed


def _climbs(text: str) -> bool:
    """Whether Trac would never finish `text`."""
    return "/./" in text and any(len(_CLIMB.findall(run)) > _MOST_CLIMBS for run in _CLIMBS.findall(text))


def heavy_markup(text: str) -> bool:
    """Like `heavy`, for our own wiki text, whose blocks of code cost little whatever is in them."""
    if f"{_OPENING}\n" not in text:
        return heavy(text)
    outside: list[str] = []
    inside = False
    for line in text.split("\n"):
        bare = line.strip()
        if inside:
            inside = bare != _CLOSING
        else:
            inside = bare == _OPENING
            outside.append("\n." if inside else line)
    return heavy("\n".join(outside))


def _of_blanks(text: str) -> float:
    """The cost of indented quotes, and of blank lines."""
    cost = 0.0
    if ">" in text and (" " * 16 in text or "\t\t" in text):
        cost += sum(_width(blanks) ** 2 for blanks in _INDENTED.findall(text)) * _INDENTATION
    if "\n" * 16 in text:
        cost += sum(len(lines) ** 2 for lines in _BLANK_LINES.findall(text)) * _BLANK_PAIR
    return cost


def _of_tokens(text: str) -> float:
    """The cost of matches of Trac's rules."""
    cost = sum(text.count(token) * weight for token, weight in _TOKENS.items())
    if ">" in text:
        cost += _of_quotes(text)
    headings = len(_HEADING.findall(text)) if "= " in text else 0
    return cost + headings * (_HEADINGS[0] + headings * _HEADINGS[1])


def _of_quotes(text: str) -> float:
    """The cost of quoted lines beyond their tokens."""
    cost = 0.0
    before = end = 0
    for match in _QUOTE.finditer(text):
        marks = match[0].count(">")
        depth = min(marks, DEPTH)
        before = before if text.find("\n", end, match.start()) == match.start() - 1 else 0
        cost += max(depth - before, 0) * _LEVEL + depth * _IN_QUOTE
        before, end = depth, match.end()
    return cost


def _of_line(line: str) -> float:
    """The cost of a long line, which is read repeatedly."""
    cost = sum(line.count(start) * weight for start, weight in _STARTS.items()) * len(line)
    if " " * 16 in line or "\t\t" in line or not line.isascii():
        cost += sum(_width(blanks) ** 2 for blanks in _BLANKS.findall(line)) * _BLANK_PAIR
    if max(map(len, line.split()), default=0) > _SHORT:
        cost += sum(len(word) ** 2 for word in _WORD.findall(line)) * 0.0045
        cost += sum(len(run) ** 2 for run in _CLIMBS.findall(line)) * 0.016
    return cost


def _width(blanks: str) -> int:
    """The width of blanks in columns, as Trac counts them."""
    return len(blanks) + 7 * blanks.count("\t")


def _of_brackets(text: str) -> float:
    """The cost of brackets that are not soon closed."""
    cost = 0.0
    if text.count("[") > _FEW:
        cost += sum(piece.count("[") * len(piece) for piece in text.split("]")) * _BRACKET
        cost += sum(piece.count("[[") * len(piece) for piece in text.split("]]")) * _BRACKET
    if text.count("<") > _FEW and len(_SCHEME.findall(text)) > _FEW:
        cost += sum(len(_SCHEME.findall(piece)) * len(piece) for piece in text.split(">")) * _ANGLE
    return cost


def bearable(text: str) -> str:
    """Wiki text by a sender that stays wiki text (`text=wiki`), whatever it costs, unless it would break Trac's pages.

    In that case it becomes a block. Trac formats nested blocks recursively.
    """
    depth = deepest = 0
    for line in text.splitlines():
        bare = line.strip()
        depth += bare.startswith(_OPENING) and _CLOSING not in bare
        depth -= depth > 0 and bare == _CLOSING
        deepest = max(deepest, depth)
    return verbatim(text) if deepest > DEPTH or _climbs(text) else shallow(text)


def shallow(text: str) -> str:
    """The wiki text with at most `DEPTH` quote marks of a line as markup; further ones are shown as text."""
    return _TOO_DEEP.sub(rf"\1{MARK}", text) if text.count(">") > DEPTH else text


def verbatim(text: str) -> str:
    """A wiki block that shows `text` as it is, and costs Trac almost nothing.

    `#!default` prevents the first line from naming a processor.
    A line that would open or close a block gets an invisible character, so that Trac treats it as text.
    """
    lines = (
        f"{MARK}{line}" if line.lstrip().startswith(_OPENING) or line.strip() == _CLOSING else line
        for line in scrub(text).strip("\n").splitlines()
    )
    return "\n".join((_OPENING, "#!default", *lines, _CLOSING))
