"""parse: HTML of strangers made fit for reading: a few harmless elements stay, of the others only the text.

Genshi's own HTMLSanitizer is no use here: it deletes unknown elements together with their text.
"""

from __future__ import annotations

import io
import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from genshi.core import END, START, TEXT, Attrs, QName

from trac_mailintake.mail import quotemarks, styles
from trac_mailintake.mail.balancing import BalancedParser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trac_mailintake.mail.balancing import Event

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
_NAMES: Final = {name: QName(name) for name in _KEPT}
_NO_ATTRIBUTES: Final = Attrs()
_VOID: Final = {"br", "hr", "img"}
_ATTRIBUTES: Final = {"a": {"href"}, "img": {"src", "alt", "width", "height"}}
_BLANKS: Final = re.compile(r"[\x00-\x20]+")
_HIDDEN: Final = re.compile(
    r"(?:^|[;\s])(?:display:\s{0,3}none|visibility:\s{0,3}hidden|mso-hide:\s{0,3}all|max-height:\s{0,3}0(?:px)?\s{0,3}(?:;|$|!))",
    re.IGNORECASE,
)
_HIDES: Final = ("none", "hidden", "mso-hide", "max-height")
_LONGEST: Final = 1000
"""Characters of a style."""
_PIXEL: Final = {"0", "1"}
_DEPTH: Final = 60
"""Open elements; html2text writes a prefix for each of them, so its output is quadratic in the depth."""
_COLUMNS: Final = 2
"""A table with fewer columns lays out a page."""
_ROWS: Final = 2
"""Likewise with fewer rows, unless a cell is a heading."""


def cleaned(html: str) -> Iterator[Event]:
    """The events of the HTML with what is active, hidden or mere layout taken out, its text complete.

    Marks of `declared` stand in it where the HTML says that something is quoted.
    """
    lower = html.lower()
    events = quotemarks.marked(lower, BalancedParser(io.StringIO(html)).parse())
    events = _harmless(styles.applied(lower, events), hides=any(hint in lower for hint in _HIDES))
    return _tables(_shallow(events))


def _harmless(stream: Iterable[Event], *, hides: bool) -> Iterator[Event]:
    """Drop active elements with their content and unwrap unknown ones; no comments, no instructions.

    With `hides` some of the elements may have styles that hide them.
    """
    dropping = 0
    for kind, what, position in stream:
        if kind is START:
            dropping += bool(dropping) or what[0].localname in _DROPPED or (hides and _is_hidden(what[1]))
        if kind in {START, END} and not dropping:
            yield from _element(kind, what, position)
        elif kind is TEXT and not dropping:
            yield kind, what, position
        if kind is END and dropping:
            dropping -= 1


def _is_hidden(attributes: Any) -> bool:  # noqa: ANN401 - Genshi is untyped
    """Whether an element is not shown: the preview of a newsletter, numbers for machines."""
    style = attributes.get("style") if attributes else None
    return bool(style and _HIDDEN.search(style[:_LONGEST]))


def _element(kind: Any, what: Any, position: Any) -> Iterator[Event]:  # noqa: ANN401 - Genshi is untyped
    """The tag if it is a harmless one, with few attributes; nothing stands within a void element."""
    name = (what[0] if kind is START else what).localname
    if name not in _KEPT or (kind is END and name in _VOID):
        return
    if kind is END:
        yield END, _NAMES[name], position
        return
    kept = _attributes(name, what[1])
    if name != "img" or not _is_pixel(kept):
        yield START, (_NAMES[name], kept), position
        if name in _VOID:
            yield END, _NAMES[name], position


def _attributes(name: str, attributes: Iterable[tuple[Any, str]]) -> Any:  # noqa: ANN401 - Genshi is untyped
    wanted = _ATTRIBUTES.get(name)
    if not wanted:
        return _NO_ATTRIBUTES
    pairs = [(key, value) for key, value in attributes if key.localname in wanted]
    return Attrs([(key, value) for key, value in pairs if key.localname not in {"href", "src"} or _is_harmless(value)])


def _is_harmless(url: str) -> bool:
    try:
        return urlsplit(_BLANKS.sub("", url)).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _is_pixel(attributes: Any) -> bool:  # noqa: ANN401 - Genshi is untyped
    """Whether an image is there to tell that the mail was opened."""
    return attributes.get("width") in _PIXEL and attributes.get("height") in _PIXEL


def _shallow(stream: Iterable[Event]) -> Iterator[Event]:
    """Text below too many open elements is kept, the tags are not."""
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
    """Tables that lay out the page become blocks: those around a table or a block, and those of a single column."""
    events = list(stream)
    layout = _layout_tables(events)
    open_tables: deque[bool] = deque()
    table = 0
    for kind, what, position in events:
        name = what[0].localname if kind is START else what.localname if kind is END else ""
        if name == "table" and kind is START:
            open_tables.append(table in layout)
            table += 1
        replaced = name in {"table", "tr", "td", "th"} and (not open_tables or open_tables[-1])
        if name == "table" and kind is END and open_tables:
            open_tables.pop()
        if not replaced:
            yield kind, what, position
        elif name != "table":
            yield kind, (QName("div"), Attrs()) if kind is START else QName("div"), position


def _layout_tables(events: list[Event]) -> set[int]:
    """The numbers, in order of their start, of the tables that are no tables."""
    layout: set[int] = set()
    open_tables: list[list[int]] = []  # number, columns of this row, most columns of a row, rows, header cells
    number = 0
    for kind, what, _ in events:
        name = what[0].localname if kind is START else what.localname if kind is END else ""
        if kind is START and name == "table":
            layout.update(table[0] for table in open_tables)
            open_tables.append([number, 0, 0, 0, 0])
            number += 1
        elif kind is END and name == "table" and open_tables:
            table = open_tables.pop()
            if table[2] < _COLUMNS or (table[3] < _ROWS and not table[4]):
                layout.add(table[0])
        elif kind is START and open_tables:
            _count(open_tables[-1], name, layout)
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
