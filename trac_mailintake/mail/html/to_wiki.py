"""parse: converts HTML to Trac wiki text that looks like the mail: Genshi parses, html2text writes.

Some inputs would take these libraries for ever, such as tags that never end. So the shape of the HTML is checked first,
and HTML that is too complex only has its tags removed.
"""

from __future__ import annotations

import html as entities
import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.html import declared_quotes, wiki_lines
from trac_mailintake.mail.scrub import scrub
from trac_mailintake.mail.wiki import escape

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
"""Most `<` before the next `>`."""

_DATA_URL: Final = re.compile(r"([\"'])\s*data:[^\"']{256,}\1", re.IGNORECASE)
_UNREAD: Final = tuple(
    (re.compile(rf"<{name}\b[^<>]*>", re.IGNORECASE), re.compile(rf"</{name}[^<>]*>", re.IGNORECASE))
    for name in ("head", "script", "style", "title")
)
_BREAKING_TAG: Final = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[a-z/!?][^<>]*>", re.IGNORECASE)
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_BLANKS: Final = re.compile(r"\s+")
_LONG_NUMBER: Final = re.compile(r"&#0*+[0-9]{8,}+;?")
"""Python refuses to parse the longest of them; there are no such characters."""


class TooComplexError(ValueError):
    """The HTML would take too long to parse."""


def wiki(html: str, images: Mapping[str, str]) -> str:
    """Trac wiki text that looks like `html`; `images` are file names by Content-ID.

    The `marks` of quotes surround what the HTML itself marks as quoted.

    Raises TooComplexError if the libraries would take too long over the HTML.
    """
    from trac_mailintake.mail.html.wiki_writer import written_out  # noqa: PLC0415 - Genshi and html2text, for HTML alone

    html = _DATA_URL.sub(r"\1\1", html)
    _check(html)
    try:
        written = written_out(html, images)
    except Exception as error:
        raise TooComplexError(f"{type(error).__name__}") from error
    if len(written) > _LONGEST_WRITTEN:
        raise TooComplexError("its quotes are within too many quotes")
    if any(len(line) > _LONGEST_LINE or wiki_lines.dense(line) for line in written.splitlines()):
        raise TooComplexError("one of its paragraphs is too long")
    return declared_quotes.closed(wiki_lines.finished(written))


def stripped(html: str) -> str:
    """The text of `html` without its tags, in linear time, as safe wiki text."""
    return escape.neutral(bare(html))


def bare(html: str) -> str:
    """The text of `html` without its tags, in linear time."""
    text = _TAG.sub(" ", _BREAKING_TAG.sub("\n", _without_unread(html)))
    text = scrub(entities.unescape(_LONG_NUMBER.sub("\ufffd", text)))
    lines = (_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _without_unread(html: str) -> str:
    """The HTML without scripts and the like. Each end is searched once, so this is linear."""
    for begin, end in _UNREAD:
        pieces: list[str] = []
        position = 0
        while (first := begin.search(html, position)) and (last := end.search(html, first.end())):
            pieces.append(html[position : first.start()])
            position = last.end()
        html = " ".join((*pieces, html[position:]))
    return html


def _check(html: str) -> None:
    """Raise TooComplexError for what takes Genshi or html2text quadratic time, such as `<!--` without an end."""
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
