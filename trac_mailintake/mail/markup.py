"""parse: HTML turned into Trac wiki text that looks like the mail: Genshi parses and cleans, html2text writes.

Both have inputs that take them for ever (`libraries.md` knows them), so the shape of the HTML is checked first;
what is too complex is only stripped of its tags.
"""

from __future__ import annotations

import html as entities
import re
from typing import TYPE_CHECKING, Final

from html2text import HTML2Text

from trac_mailintake.mail import declared, plain
from trac_mailintake.mail.cleaning import cleaned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LONGEST: Final = 512 * 1024
_MOST_TAGS: Final = 20_000
_LONGEST_TAG: Final = 64 * 1024
_MOST_ATTRIBUTES: Final = 2_000
_MOST_REFERENCES: Final = 50_000
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
_BLANKS: Final = re.compile(r"\s+")
_UNSAFE_IN_URL: Final = re.compile(r"[\s\[\]|<>\"]")
_UNSAFE_IN_LABEL: Final = re.compile(r"[\[\]]")

_EMPHASIS: Final = {
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "code",
    "kbd",
    "tt",
    "samp",
    "sup",
    "sub",
}
"""Not shown within a link or a block of code."""
_OWN: Final = "\ue000"
"""At the beginning of a line: this line's markup is ours, not the sender's."""
_MACRO: Final = "\ue001"
_MACRO_END: Final = "\ue002"
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
        written = _Writer(images).handle(cleaned(html))
    except Exception as error:
        raise TooComplexError(f"{type(error).__name__}") from error
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
    lines = [_line(line) for line in written.splitlines()]
    for index in range(len(lines) - 1):
        (line, own), (following, next_own) = lines[index], lines[index + 1]
        if own and line.endswith("{{{") and following.lstrip().startswith("#!"):
            lines[index + 1] = (plain.MARK + following, next_own)
    text = _FOREIGN_MACRO.sub("[\u200b", "\n".join(line for line, _ in lines))
    text = text.replace(_MACRO, "[[").replace(_MACRO_END, "]]")
    return _BLANK_LINES.sub("\n\n", text).strip("\n")


def _line(line: str) -> tuple[str, bool]:
    """A line as it is to be, and whether its markup is ours."""
    quote = _QUOTE.match(line)
    front, rest = (quote[0], line[quote.end() :].rstrip()) if quote else ("", line.rstrip())
    if _OWN in rest[:8]:
        return front + rest.replace(_OWN, ""), True
    return (front + plain.guarded(rest.lstrip())).rstrip(), False


class _Writer(HTML2Text):
    """html2text writing Trac wiki markup, by its documented attributes and the hooks handle_tag and handle_data."""

    def __init__(self, images: Mapping[str, str]) -> None:
        super().__init__(bodywidth=0)
        self.unicode_snob = True
        self.emphasis_mark = "''"
        self.strong_mark = "'''"
        self.backquote_code_style = True  # else html2text indents <pre> by four blanks
        self.images = images
        self.cells = 0
        self.links: list[tuple[str, int]] = []
        self.tags: dict[str, Callable[[dict[str, str | None], bool], None]] = {
            **{f"h{level}": self._heading(level) for level in range(1, 7)},
            **dict.fromkeys(("u", "ins"), self._mark("__")),
            **dict.fromkeys(("s", "strike", "del"), self._mark("~~")),
            **dict.fromkeys(("code", "kbd", "tt", "samp"), self._code),
            "sup": self._mark("^"),
            "sub": self._mark(",,"),
            "br": self._break,
            "div": self._division,
            "hr": self._ruler,
            "pre": self._pre,
            "a": self._link,
            "img": self._image,
            "table": self._table,
            "tr": self._row,
            "td": self._cell("||", ""),
            "th": self._cell("||=", "="),
            "li": self._item,
        }

    def handle_tag(self, tag: str, attrs: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - html2text's signature
        """Write the markup of one tag."""
        if (self.links or self.pre) and tag in _EMPHASIS:
            return
        if self.cells and tag in {"p", "div", "center", "address"}:
            return
        if tag in self.tags:
            self.tags[tag](attrs, start)
        else:
            super().handle_tag(tag, attrs, start)

    def handle_data(self, data: str, entity_char: bool = False) -> None:  # noqa: FBT001, FBT002 - html2text's signature
        """Write text, escaped where it is not code."""
        if not data:
            return
        if self.pre:
            self.o(data.replace("}}}", "} } }").replace("\n", f"\n{_OWN}"))
            return
        if self.stressed:
            data = data.lstrip() if data.strip() else data
            self.stressed = False
        data = _BLANKS.sub(" ", data)
        if self.code:
            data = data.replace("}}}", "} } }")
        elif not (self.links or entity_char):
            data = plain.escaped(data)
        self.preceding_data = data
        self.o(data, puredata=True)

    def _heading(self, level: int) -> Callable[[dict[str, str | None], bool], None]:
        def write(_: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
            if start:
                self.p()
                self.o(f"{_OWN}{'=' * level} ")
            else:
                self.o(f" {'=' * level}")
                self.p()

        return write

    def _mark(self, mark: str) -> Callable[[dict[str, str | None], bool], None]:
        return lambda _, __: self.o(mark)

    def _code(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if not self.pre:
            self.o("{{{" if start else "}}}")
            self.code = start

    def _break(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if start and self.pre:
            self.o(f"\n{_OWN}")
        elif start and self.cells:
            self.o(f"{_MACRO}BR{_MACRO_END}")
        elif start:
            self.o(f" \\\\\n{_OWN}{' ' * (1 + 2 * len(self.list))}" if self.list else f"\n{'> ' * self.blockquote}")

    def _division(self, _: dict[str, str | None], start: bool) -> None:  # noqa: ARG002, FBT001 - as handle_tag
        self.pbr()

    def _ruler(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if start:
            self.p()
            self.o(f"{_OWN}----")
            self.p()

    def _pre(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if start:
            self.p()
            self.o(f"{_OWN}{{{{{{\n{_OWN}")
            self.pre, self.startpre = True, False
        else:
            self.pre = False
            self.o(f"\n{_OWN}}}}}}}")
            self.p()

    def _link(self, attributes: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        """`[url label]`, or the bare URL when the label says the same."""
        if start:
            if self.p_p or self.space:
                self.o("", force=True)
            self.links.append((attributes.get("href") or "", len(self.outtextlist)))
        elif self.links:
            url, begin = self.links.pop()
            label = "".join(self.outtextlist[begin:])
            del self.outtextlist[begin:]
            self.outtextlist.append(_linked(url, label))

    def _image(self, attributes: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        source = attributes.get("src") or ""
        name = self.images.get(source[4:]) if source.lower().startswith("cid:") else None
        if start and name:
            self.o(f"{_MACRO}Image({name}){_MACRO_END}")
        elif start and attributes.get("alt"):
            self.handle_data(attributes["alt"] or "")

    def _table(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        self.cells += 1 if start else -1
        self.p()

    def _row(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if start:
            self.pbr()
            self.o(_OWN)
        else:
            self.o("||")
            self.pbr()

    def _cell(self, before: str, after: str) -> Callable[[dict[str, str | None], bool], None]:
        return lambda _, start: self.o(before if start else after)

    def _item(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if start:
            self.pbr()
            mark = "1." if self.list and self.list[-1].name == "ol" else "*"
            self.o(f"{_OWN}{'  ' * max(0, len(self.list) - 1)} {mark} ")
            self.start = True


def _linked(url: str, written: str) -> str:
    """The markup of a link to `url` whose label was `written`, with the blanks around it kept."""
    label = _UNSAFE_IN_LABEL.sub("", _BLANKS.sub(" ", written)).strip()
    lead = written[: len(written) - len(written.lstrip())]
    if not url or url.startswith("#") or _MACRO in written:
        return lead + (written.lstrip() if _MACRO in written else plain.escaped(label))
    url = _UNSAFE_IN_URL.sub(lambda match: f"%{ord(match[0]):02X}", url)
    shown = label.rstrip("/")
    if shown in {"", *(url.rstrip("/").removeprefix(scheme) for scheme in ("", "mailto:", "http://", "https://"))}:
        return lead + url.removeprefix("mailto:")
    return f"{lead}[{url} {label}]"
