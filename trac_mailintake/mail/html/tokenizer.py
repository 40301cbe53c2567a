"""parse: HTML as events, with omitted end tags added, and end tags that end nothing dropped.

Genshi's parser closes all open elements at an end tag without a start tag, and adds no optional end tags. So lists,
tables and quotes would end too early, or be nested in one another.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from genshi.core import END, START, TEXT, Attrs, QName
from genshi.input import HTMLParser

from trac_mailintake.mail.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator

Event = tuple[Any, Any, Any]
"""An event of Genshi's streams: kind, data, and position. Genshi is untyped."""

_VOID: Final = {"br", "hr", "img", "input", "meta", "link", "area", "base", "basefont", "col", "frame", "param"}
_CELLS: Final = {"td", "th"}
_SECTIONS: Final = {"thead", "tbody", "tfoot"}
_TABLE: Final = {"table", "tr", *_CELLS, *_SECTIONS}
_SCOPES: Final = {"table", "ul", "ol", "dl", "blockquote", *_CELLS}
"""Within these, an end tag of an element opened outside ends nothing, except those of tables and lists."""
_ENDS_PARAGRAPH: Final = {
    *("p", "div", "ul", "ol", "dl", "table", "pre", "blockquote", "hr", "address", "center", "section"),
    *("h1", "h2", "h3", "h4", "h5", "h6"),
}
_SIBLINGS: Final = {"li": ("li",), "dt": ("dt", "dd"), "dd": ("dt", "dd"), "option": ("option",), "a": ("a",)}
_PIECE: Final = 64 * 1024
"""Characters parsed at a time."""
_REACH: Final = 20
"""Scopes searched for the start tag of an end tag."""
NO_PLACE: Final = (None, -1, -1)
"""The position of an event, which is not used."""
_NO_ATTRIBUTES: Final = Attrs()
_KNOWN_NAMES: Final = 512


@lru_cache(maxsize=_KNOWN_NAMES)
def named(name: str) -> Any:  # noqa: ANN401 - Genshi is untyped
    """Genshi's object for a name of an element or attribute, cached because creating one is slow."""
    return QName(name)


@dataclass(slots=True)
class _Scope:
    """An element that limits the search for start tags, and the elements open in it."""

    name: str
    open: Counter[str] = field(default_factory=Counter)


def _fit(value: str | None) -> str:
    """The value of an attribute, its entities decoded."""
    return value if value and value.isascii() else scrub(value or "")


class BalancedParser(HTMLParser):  # type: ignore[misc]  # Genshi is untyped
    """Genshi's parser, with a stack of scopes beside its stack of open tags. Linear in the size of the HTML.

    It notes neither lines and columns nor comments and instructions.
    """

    def __init__(self, html: str) -> None:
        super().__init__(io.StringIO(html))
        self._queue: list[Event] = []
        self._scopes = [_Scope("")]

    def events(self) -> Iterator[Event]:
        """All events; what is still open at the end is closed. Raises whatever the libraries raise."""
        while piece := self.source.read(_PIECE):
            self.feed(piece)
            yield from self._taken()
        self.close()
        yield from self._taken()
        for tag in reversed(self._open_tags):
            yield END, named(tag), NO_PLACE

    def _taken(self) -> list[Event]:
        """The events since the last call."""
        queue, self._queue = self._queue, []
        return queue

    def updatepos(self, i: int, j: int) -> int:  # noqa: ARG002 - the signature of html.parser
        """Count no lines."""
        return j

    def handle_data(self, text: str) -> None:
        """Some text, its entities decoded."""
        self._queue.append((TEXT, text if text.isascii() else scrub(text), NO_PLACE))

    def handle_comment(self, text: str) -> None:
        """Ignore comments, including those that only Outlook reads."""

    def handle_pi(self, data: str) -> None:
        """Ignore processing instructions, which only Word reads."""

    def handle_starttag(self, tag: str, attrib: list[tuple[str, str | None]]) -> None:
        """Open an element, and close those that end with it."""
        if tag in _CELLS or tag == "tr" or tag in _SECTIONS:
            self._make_room(tag)
        elif tag in _ENDS_PARAGRAPH:
            self._close_here("p")
        for sibling in _SIBLINGS.get(tag, ()):
            self._close_here(sibling)
        name = named(tag)
        attributes = Attrs([(named(key), _fit(value)) for key, value in attrib]) if attrib else _NO_ATTRIBUTES
        self._queue.append((START, (name, attributes), NO_PLACE))
        if tag in _VOID:
            self._queue.append((END, name, NO_PLACE))
            return
        self._open_tags.append(tag)
        self._scopes[-1].open[tag] += 1
        if tag in _SCOPES:
            self._scopes.append(_Scope(tag))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that ends at once, as XML writes it."""
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element and those within it; nothing if it is not open, or open only outside the present table."""
        if tag == "br":
            self.handle_starttag(tag, [])
            return
        for scope in self._scopes[: -_REACH - 1 : -1]:
            if scope.open[tag]:
                self._close(tag)
                return
            if tag != "table" and (scope.name == "table" or (scope.name in _CELLS and tag not in _TABLE)):
                return

    def _make_room(self, tag: str) -> None:
        """Close the cell, the row or the section before the one that begins."""
        around = [scope.name for scope in self._scopes[: -_REACH - 1 : -1]]
        if "table" not in around:
            return
        for name in around[: around.index("table")]:
            if self._scopes[-1].name == name:
                self._close(name)
        if tag not in _CELLS:
            self._close_here("tr")
        if tag in _SECTIONS:
            for section in sorted(_SECTIONS):
                self._close_here(section)

    def _close_here(self, tag: str) -> None:
        if self._scopes[-1].open[tag]:
            self._close(tag)

    def _close(self, tag: str) -> None:
        """Close the innermost `tag`, which is open, and what is open in it."""
        last = ""
        while last != tag:
            last = self._open_tags.pop()
            if last in _SCOPES:
                self._scopes.pop()
            self._scopes[-1].open[last] -= 1
            self._queue.append((END, named(last), NO_PLACE))
