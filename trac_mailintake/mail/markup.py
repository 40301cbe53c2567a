"""parse: HTML turned into Trac wiki text that looks like the mail: Genshi parses and cleans, html2text writes.

Both have inputs that take them for ever (`libraries.md` knows them), so the shape of the HTML is checked first;
what is too complex is only stripped of its tags.
"""

from __future__ import annotations

import html as entities
import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail import declared, plain
from trac_mailintake.mail.cleaning import cleaned
from trac_mailintake.mail.wikipieces import MACRO, MACRO_END, OWN
from trac_mailintake.mail.wikiwriter import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST: Final = 512 * 1024
_MOST_TAGS: Final = 20_000
_LONGEST_TAG: Final = 64 * 1024
_MOST_ATTRIBUTES: Final = 2_000
_MOST_REFERENCES: Final = 50_000
_LONGEST_WRITTEN: Final = 2 * 1024 * 1024
_LONGEST_LINE: Final = 5_000
"""Characters of wiki text in one line; Trac's formatter takes quadratic time on some."""
_MOST_OPEN: Final = 100
"""Times `<` before the next `>`."""

_DATA_URL: Final = re.compile(r"([\"'])\s*data:[^\"']{256,}\1", re.IGNORECASE)
_UNREAD: Final = tuple(
    (re.compile(rf"<{name}\b[^<>]*>", re.IGNORECASE), re.compile(rf"</{name}[^<>]*>", re.IGNORECASE))
    for name in ("head", "script", "style", "title")
)
_BREAKING_TAG: Final = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[a-z/!?][^<>]*>", re.IGNORECASE)
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_BLANK_LINES_AND_MARKS: Final = re.compile(f"\n(?:[{declared.BEGIN}{declared.END}]*\n){{2,}}")
_DECLARED: Final = re.compile(f"[{declared.BEGIN}{declared.END}]+")
_RIGHT_TO_LEFT: Final = re.compile(r"[\W\d_]*[\u0590-\u08ff].*[^\w\s|=}\]\u200e\u200f\u202c]$")
_EMPTY_CODE: Final = re.compile(r"(?<![!{])\{\{\{[ ]{0,9}\}\}\}(?!\})")
_BLANKS: Final = re.compile(r"\s+")

_OWN_MARKS: Final = re.compile("[\ue000-\ue004]")
_FOREIGN_MACRO: Final = re.compile(r"(?<!!)\[(?=\[)")
_QUOTE: Final = re.compile(r"(?:> ?)*")


class TooComplexError(ValueError):
    """The HTML would take too long to be read."""


def wiki(html: str, images: Mapping[str, str]) -> str:
    """Trac wiki text that looks like `html`; `images` are file names by Content-ID.

    Marks of `declared` are around what the HTML says is quoted.

    Raises TooComplexError when the HTML is beyond what the libraries bear.
    """
    html = _OWN_MARKS.sub("", _DATA_URL.sub(r"\1\1", html))
    _check(html)
    try:
        written = Writer(images).written(cleaned(html))
    except Exception as error:
        raise TooComplexError(f"{type(error).__name__}") from error
    if len(written) > _LONGEST_WRITTEN:
        raise TooComplexError("its quotes are within too many quotes")
    if any(len(line) > _LONGEST_LINE for line in written.splitlines()):
        raise TooComplexError("one of its paragraphs is too long")
    return declared.closed(_finished(written))


def stripped(html: str) -> str:
    """The text of `html` without its tags, in linear time, as safe wiki text."""
    text = _TAG.sub(" ", _BREAKING_TAG.sub("\n", _without_unread(_OWN_MARKS.sub("", html))))
    lines = (_BLANKS.sub(" ", line).strip() for line in entities.unescape(text).split("\n"))
    return plain.neutral(_BLANK_LINES.sub("\n\n", "\n".join(lines)).strip())


def _without_unread(html: str) -> str:
    """Without what is not shown. Each end is looked for once, so that this stays linear."""
    for begin, end in _UNREAD:
        pieces: list[str] = []
        position = 0
        while (first := begin.search(html, position)) and (last := end.search(html, first.end())):
            pieces.append(html[position : first.start()])
            position = last.end()
        html = " ".join((*pieces, html[position:]))
    return html


def _check(html: str) -> None:
    """Refuse what makes a library quadratic: libraries.md, section 4."""
    if len(html) > _LONGEST:
        raise TooComplexError(f"it has {len(html)} characters")
    if html.count("<") > _MOST_TAGS or html.count("&") > _MOST_REFERENCES:
        raise TooComplexError("it has too many tags or entities")
    start = html.find("<")
    while start >= 0:
        end = html.find(">", start)
        end = len(html) if end < 0 else end
        if end - start > _LONGEST_TAG or html.count("=", start, end) > _MOST_ATTRIBUTES:
            raise TooComplexError("one of its tags is too long")
        if html.count("<", start, end) > _MOST_OPEN:
            raise TooComplexError("its tags do not end")
        start = html.find("<", end)


def _finished(written: str) -> str:
    """Our marks replaced by the markup they stand for, and what only looks like markup disarmed."""
    lines: list[str] = []
    block = False
    blank_quote = ""
    for raw in written.splitlines():
        line, own = _line(raw)
        if own and line.lstrip(" >") in {"{{{", "}}}"}:
            block = line.endswith("{{{")
        elif not block:
            line = _EMPTY_CODE.sub("", _FOREIGN_MACRO.sub("[\u200b", line))
        if line.startswith(">") and not line.strip("> "):
            blank_quote = line if lines and lines[-1].strip("> ") and lines[-1].startswith(">") else ""
            continue
        if blank_quote and line.startswith(">"):
            lines.append(blank_quote)
        blank_quote = ""
        lines.append(line)
    text = "\n".join(lines).replace(MACRO, "[[").replace(MACRO_END, "]]")
    return _BLANK_LINES_AND_MARKS.sub(_one_blank_line, text).strip("\n")


def _one_blank_line(match: re.Match[str]) -> str:
    return f"\n\n{match[0].replace(chr(10), '')}"


def _line(line: str) -> tuple[str, bool]:
    """A line as it is to be, and whether its markup is ours."""
    quote = _QUOTE.match(line)
    front, rest = (quote[0], line[quote.end() :].rstrip()) if quote else ("", line.rstrip())
    if OWN in rest[:8]:
        rest = _directed(rest.replace(OWN, ""))
        return front + (rest.lstrip() if rest.lstrip().startswith("||") else rest), True
    marks = _DECLARED.match(rest)
    behind = rest[marks.end() :] if marks else rest
    behind = _directed(behind.lstrip())
    seen = declared.without_marks(behind)  # as it will stand there
    guard = plain.MARK if plain.guarded(seen) != seen else ""
    return (front + (marks[0] if marks else "") + guard + behind).rstrip(), False


def _directed(line: str) -> str:
    """A line from right to left ends with a mark of it, without which its last dot would stand on the right."""
    return line if line.isascii() or not _RIGHT_TO_LEFT.match(line) else line + "\u200f"
