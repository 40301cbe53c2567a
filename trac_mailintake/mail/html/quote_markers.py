"""parse: finds quotes and signatures that mail clients mark in their HTML.

Within a marked element only the text before a `blockquote` is certainly quoted or an attribution line: people answer
between the quotes, and the client's element surrounds it all.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from genshi.core import END, START, TEXT

from trac_mailintake.mail import marks
from trac_mailintake.mail.html.tokenizer import NO_PLACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trac_mailintake.mail.html.tokenizer import Event

_ELEMENTS: Final = {
    *("gmail_quote", "gmail_quote_container", "gmail_attr", "gmail_quote_attribution", "yahoo_quoted"),
    *("protonmail_quote", "tutanota_quote", "moz-cite-prefix", "zmail_extra", "skiff_quote", "airmail_on"),
    *("messagereplysection", "reply-intro", "replyintro", "isreplycontent", "mail-quote-header"),
    *("gmail_signature", "gmail_signature_prefix", "moz-signature", "ms-outlook-mobile-signature"),
    *("ms-outlook-mobile-body-separator-line", "protonmail_signature_block", "applemailsignature", "yahoo-signature"),
}
"""Classes, ids and names of elements that contain a quote, its attribution line, or a signature."""
_HEADS: Final = {
    *("divrplyfwdmsg", "appendonsend", "outlookmessageheader", "zwchr", "divrphd", "olk_src_body_section"),
    *("mail-editor-reference-message-container", "ms-outlook-mobile-reference-message", "divneteasemailcard"),
}
"""Classes, ids and names of elements after which everything is quoted."""
_OUTLOOK_RULER: Final = re.compile(r"border:none;border-top:solid(?:#[0-9a-f]{6}|windowtext)1\.0pt;padding:3\.0pt0")
"""The style of Outlook's line above the header block, without blanks."""
_HINTS: Final = (
    *("quot", "signature", "border-top", *sorted(_HEADS)),
    *sorted(word for word in _ELEMENTS if "quot" not in word and "signature" not in word),
)
"""All HTML with a mark contains one of these."""
_BLANKS: Final = re.compile(r"\s+")
_MARKED: Final = {"div", "span", "p", "hr", "pre", "section", "table", "td", "header"}
_QUOTING_NAMES: Final = {"quote", "quoted-content"}
_SIGNING_IDS: Final = {"signature"}
"""Words that count in one attribute only."""
_QUOTED: Final = TEXT, marks.QUOTED, NO_PLACE


class Scope(Enum):
    """How far a mark reaches."""

    ELEMENT = auto()
    REST = auto()


def marked(lower: str, stream: Iterable[Event]) -> Iterable[Event]:
    """The events of HTML (`lower` is its source in lower case), with marks as text around what is quoted."""
    return _Marker().events(stream) if any(hint in lower for hint in _HINTS) else stream


class _Marker:
    """The state while events are read."""

    def __init__(self) -> None:
        self.depth = 0
        self.quotes = 0
        """Open blockquotes."""
        self.element = 0
        """The depth of the marked element that is open."""
        self.is_open = False

    def events(self, stream: Iterable[Event]) -> Iterator[Event]:
        """The events and the marks. Each mark stands within the element that it is about."""
        rest = iter(stream)
        for event in rest:
            if event[0] is START:
                yield from self._start(event)
                if self.is_open and not self.element:
                    break
            elif event[0] is END:
                yield from self._end(event)
            else:
                yield event
        yield from rest

    def _start(self, event: Event) -> Iterator[Event]:
        name = event[1][0]
        self.depth += 1
        self.quotes += name == "blockquote"
        if self.quotes and self.is_open:
            yield from self._closing()
        scope = None if self.quotes or self.element else _scope(name, event[1][1])
        if scope is Scope.ELEMENT:
            self.element = self.depth
        if scope is None:
            yield event
        elif scope is Scope.ELEMENT and name != "pre":  # a mark in it would be code
            yield from (event, _QUOTED)
        else:
            yield from (_QUOTED, event)
        self.is_open = self.is_open or scope is not None

    def _end(self, event: Event) -> Iterator[Event]:
        name = event[1]
        ends = self.depth == self.element
        if ends and name != "pre":
            yield from self._closing()
        self.depth -= 1
        self.quotes -= name == "blockquote"
        yield event
        if ends:
            yield from self._closing()
            self.element = 0

    def _closing(self) -> Iterator[Event]:
        if self.is_open:
            yield TEXT, marks.QUOTED_END, NO_PLACE
        self.is_open = False


def _scope(name: str, attributes: Any) -> Scope | None:  # noqa: ANN401 - Genshi is untyped
    """How far the mark in an element's attributes reaches; None if there is no mark."""
    if name not in _MARKED or not attributes:
        return None
    classes, ids, names = (_words(attributes, attribute) for attribute in ("class", "id", "name"))
    every = {word.removeprefix("x_") for word in (*classes, *ids, *names)}
    if every & _HEADS:
        return Scope.REST
    if every & _ELEMENTS or _QUOTING_NAMES & names or _SIGNING_IDS & ids:
        return Scope.ELEMENT
    return Scope.REST if _is_outlook_ruler(name, attributes) else None


def _words(attributes: Any, attribute: str) -> frozenset[str]:  # noqa: ANN401 - Genshi is untyped
    return frozenset((attributes.get(attribute) or "").lower().split())


def _is_outlook_ruler(name: str, attributes: Any) -> bool:  # noqa: ANN401 - Genshi is untyped
    style = attributes.get("style") or "" if name == "div" else ""
    return bool(_OUTLOOK_RULER.match(_BLANKS.sub("", style)[:200].lower()))
