"""parse: sanitizes HTML: keeps a few harmless elements, and only the text of others.

Genshi's own HTMLSanitizer does not fit: it deletes unknown elements together with their text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from genshi.core import END, START, TEXT, Attrs

from trac_mailintake.mail.html import css, hidden, quote_markers
from trac_mailintake.mail.html.tokenizer import NO_PLACE, BalancedParser, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trac_mailintake.mail.html.tokenizer import Event

_SCHEMES: Final = {"http", "https", "ftp", "ftps", "mailto", "tel", "cid"}
_DROPPED: Final = {
    *("script", "style", "title", "template", "object", "embed", "applet", "iframe", "frame", "noframes", "svg"),
    *("math", "xml", "select", "textarea", "audio", "video"),
}
_KEPT: Final = {
    *("a", "b", "strong", "i", "em", "u", "s", "strike", "del", "ins", "sub", "sup", "code", "kbd", "tt", "samp", "q"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "br", "hr", "pre", "blockquote", "center", "address", "img"),
    *("ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "td", "th"),
}
_BLOCKS: Final = {"ul", "ol", "dl", "table", "pre", "blockquote", "hr", "h1", "h2", "h3", "h4", "h5", "h6"}
_NO_ATTRIBUTES: Final = Attrs()
_VOID: Final = {"br", "hr", "img"}
_CLOSED: Final = _KEPT - _VOID
_ATTRIBUTES: Final = {"a": {"href"}, "img": {"src", "alt", "width", "height"}, "ol": {"start"}}
_URLS: Final = {"href", "src"}
_BLANKS: Final = re.compile(r"[\x00-\x20]+")
_PIXEL: Final = {"0", "1"}
_DEPTH: Final = 60
"""Most open elements: html2text writes a prefix for each, so its output is quadratic in the depth."""
_COLUMNS: Final = 2
"""A table with fewer columns is layout."""
_TABLE: Final = {"table", "tr", "td", "th"}
_DIVISION: Final = START, (named("div"), _NO_ATTRIBUTES), NO_PLACE
_DIVISION_END: Final = END, named("div"), NO_PLACE
_ROWS: Final = 2
"""A table with fewer rows is layout, unless a cell is a heading."""


def cleaned(html: str) -> Iterator[Event]:
    """The events of the HTML without active, hidden and layout elements, with all visible text.

    Contains the marks of `declared_quotes` around what the HTML marks as quoted.
    """
    lower = html.lower()
    events = quote_markers.marked(lower, BalancedParser(html).events())
    events = _harmless(css.applied(lower, events), hides=hidden.hints(lower))
    return _tables(_shallow(events))


def _harmless(stream: Iterable[Event], *, hides: bool) -> Iterator[Event]:
    """Drop active elements with their content and unwrap unknown ones; no comments, no instructions.

    With `hides` some of the elements may have styles that hide them.
    """
    dropping = 0
    for event in stream:
        kind, what, _ = event
        if kind is TEXT:
            if not dropping:
                yield event
        elif kind is START:
            if dropping or _is_dropped(*what, hides=hides):
                dropping += 1
            else:
                yield from _beginning(*what)
        elif dropping:
            dropping -= 1
        elif what in _CLOSED:
            yield event


def _is_dropped(name: Any, attributes: Any, *, hides: bool) -> bool:  # noqa: ANN401 - Genshi is untyped
    return name in _DROPPED or (hides and hidden.is_hidden(attributes))


def _beginning(name: Any, attributes: Any) -> tuple[Event, ...]:  # noqa: ANN401 - Genshi is untyped
    """A harmless tag with few attributes; nothing stands within a void element."""
    if name not in _KEPT:
        return _box(attributes) if name == "input" else ()
    kept = _attributes(attributes, _ATTRIBUTES[name]) if name in _ATTRIBUTES else _NO_ATTRIBUTES
    begins = START, (name, kept), NO_PLACE
    if name not in _VOID:
        return (begins,)
    return () if name == "img" and _is_pixel(kept) else (begins, (END, name, NO_PLACE))


def _box(attributes: Any) -> tuple[Event, ...]:  # noqa: ANN401 - Genshi is untyped
    """A box of a list of tasks, as a character; nothing for other fields of forms."""
    if (attributes.get("type") or "").lower() != "checkbox":
        return ()
    return ((TEXT, "\u2610" if attributes.get("checked") is None else "\u2611", NO_PLACE),)


def _attributes(attributes: Any, wanted: set[str]) -> Any:  # noqa: ANN401 - Genshi is untyped
    """The wanted attributes; URLs only if they are ordinary links."""
    return Attrs(
        [(key, value) for key, value in attributes if key in wanted and (key not in _URLS or _is_harmless(value))]
    )


def _is_harmless(url: str) -> bool:
    try:
        return urlsplit(_BLANKS.sub("", url)).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _is_pixel(attributes: Any) -> bool:  # noqa: ANN401 - Genshi is untyped
    """Whether an image is a tracking pixel."""
    return attributes.get("width") in _PIXEL and attributes.get("height") in _PIXEL


def _shallow(stream: Iterable[Event]) -> Iterator[Event]:
    """Drop the tags, but not the text, below too many open elements."""
    depth = 0
    for event in stream:
        if event[0] is START:
            depth += 1
            if depth > _DEPTH:
                continue
        elif event[0] is END:
            depth -= 1
            if depth >= _DEPTH:
                continue
        yield event


def _tables(stream: Iterable[Event]) -> Iterator[Event]:
    """Turn layout tables into blocks: those around a table or a block, and those with a single column."""
    events = list(stream)
    layout = (table.is_layout() for table in _measured(events))
    open_tables: list[bool] = []
    for event in events:
        kind, what, _ = event
        name = _tag(kind, what)
        if name not in _TABLE:
            yield event
            continue
        if name == "table" and kind is START:
            open_tables.append(next(layout))
        if open_tables and not open_tables[-1]:
            yield event
        else:
            yield from _as_block(name, kind)
        if name == "table" and kind is END:
            del open_tables[-1:]


def _tag(kind: Any, what: Any) -> Any:  # noqa: ANN401 - Genshi is untyped
    """The name of the element that begins or ends; "" for text."""
    if kind is START:
        return what[0]
    return what if kind is END else ""


def _as_block(name: str, kind: Any) -> tuple[Event, ...]:  # noqa: ANN401 - Genshi is untyped
    """What stands for a tag of a layout table: a block for each row and each cell."""
    return () if name == "table" else (_DIVISION if kind is START else _DIVISION_END,)


@dataclass(slots=True)
class _Table:
    """The measures of a table, which grow while it is read."""

    columns: int = 0
    """Of the present row."""
    widest: int = 0
    """Columns of the widest row."""
    rows: int = 0
    headings: int = 0
    has_block: bool = False
    """Whether a cell contains a block, such as another table."""
    is_closed: bool = False

    def begin(self, name: str) -> None:
        """Count an element that begins in the table."""
        if name == "tr":
            self.columns = 0
            self.rows += 1
        elif name in {"td", "th"}:
            self.columns += 1
            self.headings += name == "th"
            self.widest = max(self.widest, self.columns)
        elif name in _BLOCKS:
            self.has_block = True

    def is_layout(self) -> bool:
        """Whether it is no table of data."""
        small = self.widest < _COLUMNS or (self.rows < _ROWS and not self.headings)
        return small or self.has_block or not self.is_closed


def _measured(events: Iterable[Event]) -> list[_Table]:
    """The tables in the order of their start tags."""
    tables: list[_Table] = []
    open_tables: list[_Table] = []
    for kind, what, _ in events:
        if kind is START:
            if open_tables:
                open_tables[-1].begin(what[0])
            if what[0] == "table":
                tables.append(_Table())
                open_tables.append(tables[-1])
        elif kind is END and what == "table" and open_tables:
            open_tables.pop().is_closed = True
    return tables
