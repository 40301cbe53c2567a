"""parse: finishes lines of wiki text, in which `marks` separate our markup from the sender's text.

The sender's text is escaped here, last, in its complete line, from however many elements it came.
Everything outside marks is the sender's, so an omission shows markup as text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.html import declared_quotes
from trac_mailintake.mail.marks import OWN, OWN_END, OWN_LINE, QUOTED, QUOTED_END
from trac_mailintake.mail.wiki import escape
from trac_mailintake.mail.wiki.escape_mixed import mixed

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_OPENERS: Final = 200
"""Opening characters allowed in a long line: Trac searches the end of each."""
_OPENERS: Final = re.compile(r"[\[<`]")
_LONG_WORD: Final = re.compile(rf"\S{{{escape.LINE}}}")

_MARKS: Final = f"{OWN}{OWN_LINE}{OWN_END}"
_PIECE: Final = re.compile(f"([{OWN}{OWN_LINE}])([^{_MARKS}]*){OWN_END}")
_MARK: Final = re.compile(f"[{_MARKS}]")
_EMPTY_CODE: Final = re.compile(rf"{OWN}\{{\{{\{{{OWN_END}[ ]{{0,9}}{OWN}\}}\}}\}}{OWN_END}")
_BEGINNING: Final = re.compile(f"([{QUOTED}{QUOTED_END} ]*){OWN_LINE}([^{_MARKS}]*){OWN_END}")
_DECLARED_FIRST: Final = re.compile(f"[{QUOTED}{QUOTED_END}]*")
_BLANK_LINES_AND_MARKS: Final = re.compile(f"\n(?:[{QUOTED}{QUOTED_END}]*\n){{2,}}")
_QUOTE: Final = re.compile(r"(?:> ?)*")
_SENT_QUOTE: Final = re.compile(r"(?:>\s*)+")
_UNSEEN: Final = f"[{_MARKS}{QUOTED}{QUOTED_END}]*"
_TERM: Final = re.compile(rf":({_UNSEEN}):(?={_UNSEEN}(?:\s|$))")
"""`escape.TERM`, with marks where they may stand: our markup behind it may begin with a blank."""
_RIGHT_TO_LEFT: Final = re.compile(r"(?>[\W\d_]*?[\u0590-\u08ff]).++(?<=[^\w\s|=}\]\u200e\u200f\u202c])$")


def dense(line: str) -> bool:
    """Whether an unfinished line would take regular expressions quadratic time."""
    if len(line) <= escape.LINE:
        return False
    text = _PIECE.sub("", line)
    return len(_OPENERS.findall(text)) > _MOST_OPENERS or bool(_LONG_WORD.search(text))


def finished(written: str) -> str:
    """The finished wiki text. Only the marks around quotes remain in it."""
    lines: list[str] = []
    blank_quote = ""
    for raw in written.splitlines():
        line = _line(_EMPTY_CODE.sub("", raw) if OWN in raw else raw)
        if raw.startswith(">") and not line.strip("> "):
            blank_quote = line if lines and lines[-1].strip("> ") and lines[-1].startswith(">") else ""
            continue
        if blank_quote and raw.startswith(">"):
            lines.append(blank_quote)
        blank_quote = ""
        lines.append(line)
    text = _BLANK_LINES_AND_MARKS.sub(_one_blank_line, "\n".join(lines)).strip("\n")
    return escape.unended(text)


def _one_blank_line(match: re.Match[str]) -> str:
    return f"\n\n{match[0].replace(chr(10), '')}"


def _line(raw: str) -> str:
    """The finished line. Quote marks within it take effect at its end: lines are quoted as a whole."""
    quote = _QUOTE.match(raw)
    front, rest = (quote[0], raw[quote.end() :]) if quote else ("", raw)
    if front and ":" in rest:
        rest = _TERM.sub(rf":\1{escape.MARK}:", rest)
    if rest.isascii():  # then no mark is in it
        return (front + _text(rest.rstrip())).rstrip()
    begins = _BEGINNING.match(rest)
    first = begins or _DECLARED_FIRST.match(rest)
    lead = declared_quotes.marks_of(begins[1] if begins else first[0] if first else "")
    rest = rest[first.end() :] if first else rest
    inner = declared_quotes.without_marks(rest).rstrip()
    line = _begun(begins[2], inner) if begins else _text(inner)
    return (front + lead + line).rstrip() + declared_quotes.marks_of(rest)


def _begun(beginning: str, rest: str) -> str:
    """The finished line if it begins with our markup."""
    if beginning.strip():
        return _directed(beginning + mixed(_pieces(rest)))
    if not beginning:
        return _text(rest)
    pieces = _pieces(_TERM.sub(rf":\1{escape.MARK}:", rest.lstrip()))
    return _directed(beginning + mixed([(escape.MARK, False), *pieces])) if pieces else ""


def _text(rest: str) -> str:
    """The finished line if it begins with the sender's text, or with markup that may be anywhere.

    It may begin with the sender's own quote marks, after which Trac looks for the beginning of a line.
    """
    rest = rest.lstrip()
    quote = _SENT_QUOTE.match(rest)
    if not quote:
        return escape.guarded(_directed(mixed(_pieces(rest))))
    behind = _TERM.sub(rf":\1{escape.MARK}:", rest[quote.end() :])
    return quote[0] + escape.guarded(_directed(mixed(_pieces(behind))))


def _pieces(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is ours; the sender's pieces are never adjacent."""
    pieces: list[tuple[str, bool]] = []
    for piece, ours in _parted(text):
        if pieces and not (ours or pieces[-1][1]):
            pieces[-1] = pieces[-1][0] + piece, False
        elif piece:
            pieces.append((piece, ours))
    return pieces


def _parted(text: str) -> Iterator[tuple[str, bool]]:
    position = 0
    for match in _PIECE.finditer(text):
        yield _MARK.sub("", text[position : match.start()]), False
        yield match[2], match[1] == OWN  # what should begin a line does not belong here
        position = match.end()
    yield _MARK.sub("", text[position:]), False


def _directed(line: str) -> str:
    """Append a direction mark to a right-to-left line, so that its last dot is on the left."""
    return line if line.isascii() or not _RIGHT_TO_LEFT.match(line) else line + "\u200f"
