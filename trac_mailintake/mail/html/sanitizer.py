"""parse: sanitizes HTML: keeps a few harmless elements, and only the text of others.

Genshi's own HTMLSanitizer does not fit: it deletes unknown elements together with their text.
"""

from __future__ import annotations

import re
from collections import deque
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
            if dropping or what[0] in _DROPPED or (hides and hidden.is_hidden(what[1])):
                dropping += 1
            else:
                yield from _beginning(*what)
        elif dropping:
            dropping -= 1
        elif what in _CLOSED:
            yield event


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
    layout = _layout_tables(events)
    open_tables: deque[bool] = deque()
    table = 0
    for event in events:
        kind, what, _ = event
        name = what if kind is END else what[0] if kind is START else ""
        if name not in _TABLE:
            yield event
            continue
        if name == "table" and kind is START:
            open_tables.append(table in layout)
            table += 1
        replaced = not open_tables or open_tables[-1]
        if name == "table" and kind is END and open_tables:
            open_tables.pop()
        if not replaced:
            yield event
        elif name != "table":
            yield _DIVISION if kind is START else _DIVISION_END


def _layout_tables(events: list[Event]) -> set[int]:
    """The numbers of the layout tables, counted in the order of their start tags."""
    layout: set[int] = set()
    open_tables: list[list[int]] = []  # number, columns of this row, most columns of a row, rows, header cells
    number = 0
    for kind, what, _ in events:
        if kind is START and what[0] == "table":
            layout.update(table[0] for table in open_tables)
            open_tables.append([number, 0, 0, 0, 0])
            number += 1
        elif not open_tables:
            continue
        elif kind is START:
            _count(open_tables[-1], what[0], layout)
        elif kind is END and what == "table":
            table = open_tables.pop()
            if table[2] < _COLUMNS or (table[3] < _ROWS and not table[4]):
                layout.add(table[0])
    return layout | {table[0] for table in open_tables}


def _count(table: list[int], name: str, layout: set[int]) -> None:
    """Count the cells of a row; a block in a cell makes the table a layout."""
    if name == "tr":
        table[1] = 0
        table[3] += 1
    elif name in {"td", "th"}:
        table[1] += 1
        table[4] += name == "th"
        table[2] = max(table[2], table[1])
    elif name in _BLOCKS:
        layout.add(table[0])
