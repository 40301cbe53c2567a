"""What Trac made of a text, element by element, and what of it the mail did not mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.security.hunt.words import EVIL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.security.hunt.mails import Made

VOID = {"br", "hr", "img", "input", "link", "meta"}
PLAIN = {"p", "br", "a", "hr"}
"""What every text may be shown with: lines, quotes, addresses, and the rulers that people draw."""
MEANT = {
    "strong": {"b", "strong"},
    "em": {"i", "em"},
    "del": {"s", "strike", "del"},
    "code": {"code", "tt", "kbd", "samp"},
    "sup": {"sup"},
    "sub": {"sub"},
    "ul": {"li", "p", "ul", "ol"},
    "ol": {"li", "p", "ul", "ol"},
    "li": {"li", "p", "ul", "ol"},
    "table": {"table", "td", "th", "tr"},
    "tbody": {"table", "td", "th", "tr"},
    "tr": {"table", "td", "th", "tr"},
    "td": {"table", "td", "th", "tr"},
    "th": {"table", "td", "th", "tr"},
    "pre": {"pre", "div"},
    **{f"h{level}": {f"h{level}"} for level in range(1, 7)},
}
"""The elements of HTML for which Trac shows each."""
ATTRIBUTES = {
    "a": {"class", "href", "title"},
    "blockquote": {"class"},
    "h": {"class", "id"},
    "img": {"src", "alt", "title"},
    "li": set(),
    "ol": {"class", "start"},
    "pre": {"class"},
    "span": {"class"},
    "table": {"class"},
    "td": {"style"},
    "th": {"style"},
}
HARMLESS = {"a", "br", "code", "del", "em", "img", "p", "span", "strong", "sub", "sup"}
OUR_NOTES = {"Not attached;": {"ul", "li", "code"}, "The text was cut here.": {"em"}}
IMAGE_LINK = "padding:0; border:none"
"""The style of the link that Trac puts around each image."""


@dataclass
class Element:
    """An element that is shown, and the text within it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    within: tuple[Element, ...] = ()


@dataclass
class Shown(HTMLParser):
    """The elements of some HTML, and its text."""

    html: str
    elements: list[Element] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        """Read it."""
        super().__init__()
        self._open: list[Element] = []
        self.feed(f"{self.html}<br>")  # as in a page, where something follows that ends a tag which does not end
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        element = Element(tag, {key: value or "" for key, value in attrs}, within=tuple(self._open))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """It ends."""
        while self._open and self._open.pop().name != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Text within all that is open."""
        self.text += data
        for each in self._open:
            each.text += data


@dataclass(frozen=True)
class Page:
    """Where a text is shown: the number of its ticket, the names of what is attached to it, by this mail or before."""

    ticket: int
    attached: frozenset[str]


def faults(html: str, made: Made, page: Page, *, verbatim: bool = False) -> Iterator[str]:
    """What is shown that the mail did not mean."""
    shown = Shown(html)
    allowed = PLAIN | ({"pre"} if verbatim and not made.html else set())
    for words, elements in OUR_NOTES.items():
        allowed = allowed | (elements if words in shown.text else set())
    if made.html and not verbatim:
        allowed = allowed | {name for name, sources in MEANT.items() if sources & made.elements}
    for element in shown.elements:
        said = _fault(element, allowed | ({"pre"} if verbatim else set()), made, page)
        if said:
            yield f"{said}: <{element.name} {element.attributes}> {element.text[:80]!r}"
    images = sum(element.name == "img" for element in shown.elements)
    if images > made.images:
        yield f"{images} images, of {made.images}"


_OWN_FILE = re.compile(r"/trac\.cgi/raw-attachment/\S*")
"""A mail may have an image of any name."""


def page_faults(html: str) -> Iterator[str]:
    """What a whole page of Trac's holds of the mails' making: whatever text it shows, in whatever way."""
    for element in Shown(html).elements:
        said = " ".join(element.attributes.get(key, "") for key in ("src", "srcset", "action", "formaction", "style"))
        names = {each.attributes.get("class") for each in element.within}
        if (
            EVIL in _OWN_FILE.sub("", said)
            or "pwn" in element.attributes.get("class", "")
            or element.name == "tripwire"
        ):
            yield f"of a mail's making: <{element.name} {element.attributes}>"
        elif "summary" in names and element.name != "a":
            yield f"an element in a summary: <{element.name} {element.attributes}>"
        elif element.name == "script" and element.text.strip() == "pwn()":
            yield "a script"


def shortened_faults(html: str, made: Made, page: Page) -> Iterator[str]:
    """The same of a text that Trac cut after so many characters: what was code may be a link or emphasis there."""
    for element in Shown(html).elements:
        said = _image(element, made, page) if element.name == "img" else ""
        if element.name not in HARMLESS or said or "pwn" in element.attributes.get("class", ""):
            yield f"{said or 'not harmless'}: <{element.name} {element.attributes}>"


def _fault(element: Element, allowed: set[str], made: Made, page: Page) -> str:
    known = ATTRIBUTES.get(element.name if element.name[1:] not in "123456" or element.name == "p" else "h", set())
    if element.name == "a":
        return _link(element, made, page)
    if element.name == "img":
        return _image(element, made, page)
    if element.name == "span":
        return "" if element.attributes in ({"class": "icon"}, {"class": "underline"}) else "an unknown span"
    if element.name == "blockquote":
        return "" if element.attributes in ({"class": "citation"}, {}) else "an unknown quote"
    if element.name == "code" and element.text == "`":
        return ""
    if element.name not in allowed:
        return "nobody meant this element"
    return "" if element.attributes.keys() <= known else "nobody meant these attributes"


def _link(element: Element, made: Made, page: Page) -> str:
    """Links lead where the text says, or where a link of the mail led."""
    href, kind = element.attributes.get("href", ""), element.attributes.get("class")
    if element.attributes.get("style") == IMAGE_LINK:
        return "" if _is_attached("attachment", href, page) else "the link of another image"
    if not element.attributes.keys() <= {"class", "href", "title"} or kind not in {"ext-link", "mail-link"}:
        return "a link into Trac"
    said = re.sub(r"[\u200b\s]+", "", element.text)
    if re.sub(r"[\u200b\s]+", "", href.removeprefix("mailto:")) in said:
        return ""
    if any(_same(href, target) for target in made.targets):
        return ""
    return "a link whose address is not shown"


def _same(href: str, target: str) -> bool:
    def bare(url: str) -> str:
        return re.sub(r"[\s\u200b\ufffd]+|[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", "", unquote(unquote(url)))

    return bare(href) == bare(target)


def _image(element: Element, made: Made, page: Page) -> str:
    """Images are those that came with the mail, as large as they are."""
    if not made.html:
        return "an image, of plain text"
    if not element.attributes.keys() <= ATTRIBUTES["img"]:
        return "an image with attributes"
    return "" if _is_attached("raw-attachment", element.attributes["src"], page) else "an image of others"


def _is_attached(kind: str, url: str, page: Page) -> bool:
    path = url.removeprefix("/trac.cgi")
    return any(unquote(path) == f"/{kind}/ticket/{page.ticket}/{name}" for name in page.attached)
