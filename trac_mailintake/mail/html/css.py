"""parse: rewrites CSS (Word lists, bold, pre-wrap) as equivalent HTML elements.

Word writes lists as paragraphs, and lines as paragraphs without margins; code editors write blocks as `div`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from genshi.core import END, START, TEXT, Attrs

from trac_mailintake.mail.html.tokenizer import NO_PLACE, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trac_mailintake.mail.html.tokenizer import Event

_HINTS: Final = ("mso", "margin", "white-space", "font-weight", "font-style")
_SHEET: Final = re.compile(r"(?:^|[\s,}>])p(\.msonormal)?(?=[\s,{])[^{}]{0,200}\{([^{}]{0,400})\}", re.IGNORECASE)
_SHEETS: Final = 64 * 1024
"""Characters at the beginning that are searched for a style sheet."""
_LONGEST: Final = 1000
_VERTICAL: Final = re.compile(
    r"margin-(?:top|bottom):\s{0,3}([0-9.]+)|margin:\s{0,3}([0-9.]+)[a-z%]{0,3}(?:\s{1,3}\S{1,9}\s{1,3}([0-9.]+))?",
    re.IGNORECASE,
)
_LIST: Final = re.compile(r"mso-list:\s{0,3}\S{1,20}\s{1,3}level([1-9])", re.IGNORECASE)
_IGNORED: Final = re.compile(r"mso-list:\s{0,3}ignore", re.IGNORECASE)
_ORDERED: Final = re.compile(r"\W{0,2}(?:\d{1,4}|[a-z]{1,5})[.)]", re.IGNORECASE)
_BLOCK: Final = re.compile(r"white-space:\s{0,3}pre\s{0,3}(?:;|$|!)", re.IGNORECASE)
_BLANKS: Final = re.compile(r"white-space:\s{0,3}([a-z-]{3,12})", re.IGNORECASE)
_KEEP_LINES: Final = ("pre-wrap", "pre-line", "break-spaces")
"""Values of `white-space` that preserve line ends."""
_BOLD: Final = re.compile(r"font-weight:\s{0,3}(?:bold|[6-9]00)", re.IGNORECASE)
_ITALIC: Final = re.compile(r"font-style:\s{0,3}italic", re.IGNORECASE)
_LIGHT: Final = re.compile(r"font-weight:\s{0,3}(?:normal|[1-5]00)", re.IGNORECASE)
_NO_BORDER: Final = re.compile(r"(?:^|[;\s])border:\s{0,3}(?:none|0)", re.IGNORECASE)
_STYLED: Final = {"span", "font", "b", "strong", "blockquote"}


def applied(lower: str, stream: Iterable[Event]) -> Iterable[Event]:
    """The events of HTML (`lower` is its source in lower case), with elements instead of styles."""
    if not any(hint in lower for hint in _HINTS):
        return stream
    lines = _broken(stream) if any(value in lower for value in _KEEP_LINES) else stream
    renamed = _renamed(lines, _tight(lower[:_SHEETS]))
    return _lists(renamed) if "mso-list" in lower else renamed


def _tight(sheet: str) -> str:
    """Which paragraphs have no margins: all (`p`), those of Word (`mso`), or none ("")."""
    found = ""
    for match in _SHEET.finditer(sheet):
        if _has_margins(match[2]) is False:
            found = "p" if not match[1] else found or "mso"
    return found


def _has_margins(style: str) -> bool | None:
    """Whether a style separates paragraphs by margins; None if it does not say."""
    values = [value for match in _VERTICAL.finditer(style) for value in match.groups() if value]
    return any(value.strip("0.") for value in values) if values else None


def _broken(stream: Iterable[Event]) -> Iterator[Event]:
    """Line ends that are shown become line breaks."""
    keeps = [False]
    for event in stream:
        kind, what, _ = event
        if kind is START:
            found = _BLANKS.search(_style(what[1]))
            keeps.append(found[1].lower() in _KEEP_LINES if found else keeps[-1])
        elif kind is END and len(keeps) > 1:
            keeps.pop()
        if kind is TEXT and keeps[-1] and "\n" in what:
            yield from _with_breaks(what)
        else:
            yield event


def _style(attributes: Any) -> str:  # noqa: ANN401 - Genshi is untyped
    """The beginning of an element's style; "" without one."""
    return (attributes.get("style") or "")[:_LONGEST] if attributes else ""


def _with_breaks(text: str) -> Iterator[Event]:
    for number, line in enumerate(text.split("\n")):
        if number:
            yield from (_start("br"), _end("br"))
        yield TEXT, line, NO_PLACE


def _renamed(stream: Iterable[Event], tight: str) -> Iterator[Event]:
    """Turn paragraphs without margins into lines, blocks with preserved blanks into `pre`, bold styles into bold."""
    names: list[str] = []
    for event in stream:
        kind, what, _ = event
        if kind is START:
            name = what[0]
            renamed = _equivalent(name, what[1], tight)
            names.append(renamed)
            yield event if renamed == name else (START, (named(renamed), what[1]), NO_PLACE)
        elif kind is END:
            name = names.pop() if names else what
            yield event if what == name else (END, named(name), NO_PLACE)
        else:
            yield event


def _equivalent(name: str, attributes: Any, tight: str) -> str:  # noqa: ANN401 - Genshi is untyped
    """The element that looks without styles as this one does with them."""
    if name == "p":
        return _paragraph(attributes, tight)
    if not attributes:
        return name
    if name == "div":
        style = _style(attributes)
        return "pre" if "white-space" in style.lower() and _BLOCK.search(style) else name
    return _styled(name, _style(attributes), alone=len(attributes) == 1) if name in _STYLED else name


def _styled(name: str, style: str, *, alone: bool) -> str:
    """The element for bold and italic styles, and for elements that a style turns into something else.

    Gmail and Apple Mail indent their user's own text with a `blockquote` without a border; `alone`: the element has no
    attribute except its style.
    """
    if name == "blockquote":
        indents = alone and _NO_BORDER.search(style) and "border-left" not in style.lower()
        return "div" if indents else name
    if "font-" not in style.lower():
        return name
    if name in {"b", "strong"}:
        return "span" if _LIGHT.search(style) else name
    return "b" if _BOLD.search(style) else "i" if _ITALIC.search(style) else name


def _paragraph(attributes: Any, tight: str) -> str:  # noqa: ANN401 - Genshi is untyped
    """A paragraph without margins is a line, unless it is an item of one of Word's lists: see `_lists`."""
    style = _style(attributes).lower()
    if "mso-list" in style and _LIST.search(style):
        return "p"
    apart = _has_margins(style) if "margin" in style else None
    if apart is None:
        apart = tight != "p" and not (tight == "mso" and _is_of_word(attributes))
    return "p" if apart else "div"


def _is_of_word(attributes: Any) -> bool:  # noqa: ANN401 - Genshi is untyped
    return bool(attributes) and (attributes.get("class") or "").lower().startswith("mso")


def _lists(stream: Iterable[Event]) -> Iterator[Event]:
    """Turn Word's list paragraphs into list items."""
    levels: list[str] = []
    rest = iter(stream)
    for event in rest:
        kind, what, _ = event
        level = _level(what[1]) if kind is START and what[0] == "p" else 0
        if level:
            marker, content = _item(rest)
            yield from _to_level(levels, level, "ol" if _ORDERED.match(marker) else "ul")
            yield from (_start("li"), *content, _end("li"))
            continue
        if levels and (kind in {START, END} or (kind is TEXT and what.strip())):
            yield from _to_level(levels, 0, "")
        yield event
    yield from _to_level(levels, 0, "")


def _level(attributes: Any) -> int:  # noqa: ANN401 - Genshi is untyped
    found = _LIST.search(_style(attributes))
    return int(found[1]) if found else 0


def _item(stream: Iterator[Event]) -> tuple[str, list[Event]]:
    """The list marker that Word wrote as text, and the events of the paragraph up to its end."""
    marker: list[str] = []
    content: list[Event] = []
    depth, ignored = 1, 0
    for event in stream:
        kind, what, _ = event
        depth += (kind is START) - (kind is END)
        if not depth:
            break
        if kind is START and not ignored and _IGNORED.search(_style(what[1])):
            ignored = depth
        if not ignored:
            content.append(event)
        elif kind is TEXT:
            marker.append(what)
        if kind is END and depth < ignored:
            ignored = 0
    return "".join(marker).strip(), content


def _to_level(levels: list[str], level: int, name: str) -> Iterator[Event]:
    """Close and open lists until `level` of them are open, the innermost a `name`."""
    while len(levels) > level or (levels and len(levels) == level and levels[-1] != name):
        yield _end(levels.pop())
    while len(levels) < level:
        levels.append(name)
        yield _start(name)


def _start(name: str) -> Event:
    return START, (named(name), Attrs()), NO_PLACE


def _end(name: str) -> Event:
    return END, named(name), NO_PLACE
