"""parse: writes sanitized HTML as Trac wiki text: html2text with Trac's markup instead of Markdown's.

Our `marks` surround markup; everything else is text, which `wiki_lines` escapes once its line is complete.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from genshi.core import END, START, TEXT
from html2text import HTML2Text

from trac_mailintake.mail.html import declared_quotes, wiki_syntax
from trac_mailintake.mail.html.sanitizer import cleaned
from trac_mailintake.mail.html.wiki_syntax import begun, own
from trac_mailintake.mail.wiki import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trac_mailintake.mail.html.tokenizer import Event


_BLANKS: Final = re.compile(r"\s+")
_NO_BREAK: Final = "\u00a0"
_UNDERLINES: Final = re.compile(r"_{10,}")
_MARK_IN_BLOCK: Final = "\ufeff"
"""A byte order mark within a text has no meaning."""
_BR: Final = own("[[BR]]")
_IN_LINKS: Final = {"a", "img", "br"}
_SAME: Final = {
    "strong": "b",
    "em": "i",
    "ins": "u",
    "strike": "s",
    "del": "s",
    "kbd": "code",
    "tt": "code",
    "samp": "code",
}
_BRACES: Final = re.compile(r"\{{3,}|\}{3,}")
_PARAGRAPHS: Final = {"p", "div", "center", "address"}
_EMPHASIS: Final = {
    *("b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "kbd", "tt", "samp", "sup", "sub"),
}
"""Tags ignored within a link or a block of code."""


def written_out(html: str, images: Mapping[str, str]) -> str:
    """Sanitized wiki text that looks like `html`. Raises whatever the libraries raise."""
    return Writer(images).written(cleaned(html))


class Writer(HTML2Text):
    """html2text writing Trac wiki markup, by its documented attributes and the hooks handle_tag and handle_data."""

    def __init__(self, images: Mapping[str, str]) -> None:
        super().__init__(bodywidth=0)
        self.emphasis_mark = "''"
        self.strong_mark = "'''"
        self.backquote_code_style = True  # else html2text indents <pre> by four blanks
        self.images = images
        self.cells = 0
        self.breaks = 0
        """Pending line breaks in a table cell; trailing ones are dropped."""
        self.filled = False
        """Whether the cell has content."""
        self.block: list[str] | None = None
        """The text of the `pre` that is open."""
        self.waiting: list[str] = []
        """Emphasis that is open but has no text yet."""
        self.emphasized: list[str] = []
        self.nested: Counter[str] = Counter()
        """Emphasis within the same emphasis."""
        self.links: list[tuple[str, int]] = []
        self.interrupted = False
        """Whether code continues after the open link."""
        self.tags = self._handlers()

    def _handlers(self) -> dict[str, Callable[[dict[str, str | None], bool], None]]:
        """The handler that writes each tag."""
        return {
            **{f"h{level}": self._heading(level) for level in range(1, 7)},
            **dict.fromkeys(("u", "ins"), self._mark("__")),
            **dict.fromkeys(("s", "strike", "del"), self._mark("~~")),
            **dict.fromkeys(("code", "kbd", "tt", "samp"), self._code),
            **dict.fromkeys(("b", "strong"), self._stress(self.strong_mark)),
            **dict.fromkeys(("i", "em"), self._stress(self.emphasis_mark)),
            "p": self._paragraph,
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

    def written(self, events: Iterable[Event]) -> str:
        """The wiki text of a sanitized document. Events go to the handlers, so html2text does not parse again."""
        texts: list[str] = []  # between two tags that are left, whatever stood between them
        for kind, what, _ in events:
            if kind is TEXT:
                texts.append(what)
                continue
            if texts:
                self._text("".join(texts))
                texts.clear()
            if kind is START:
                self._start(what[0], dict(what[1]) if what[1] else {})
            elif kind is END:
                self._end(what)
        self._text("".join(texts))
        self.o("", force="end")
        return "".join(self.outtextlist)  # not `finish`: it replaces words of its own, which may be the sender's

    def _text(self, text: str) -> None:
        if declared_quotes.without_marks(text).strip():
            self._emphasize()
        self.handle_data(text)

    def _start(self, name: str, attributes: dict[str, str | None]) -> None:
        if name in _EMPHASIS:
            kind = _SAME.get(name, name)
            if {kind, "code"} & {*self.waiting, *self.emphasized}:  # nothing is stressed twice, or in code
                self.nested[kind] += 1
            else:
                self.waiting.append(kind)
            return
        if name in {"a", "img"}:
            self._emphasize()
        elif name != "br":
            self._suspend()
        self.handle_tag(name, attributes, start=True)

    def _end(self, name: str) -> None:
        name = _SAME.get(name, name)
        if self.nested[name]:
            self.nested[name] -= 1
            return
        if name in self.waiting:
            self.waiting.remove(name)
            return
        if name in self.emphasized:
            self.emphasized.remove(name)
        elif name not in {"a", "img", "br"}:
            self._suspend()
        self.handle_tag(name, {}, start=False)

    def _emphasize(self) -> None:
        """Write pending emphasis, since text follows."""
        for name in self.waiting:
            self.handle_tag(name, {}, start=True)
        self.emphasized += self.waiting
        self.waiting.clear()

    def _suspend(self) -> None:
        """Close emphasis at the end of a block; it reopens in the next one."""
        for name in reversed(self.emphasized):
            self.handle_tag(name, {}, start=False)
        self.waiting[:0] = self.emphasized
        self.emphasized.clear()

    def handle_tag(self, tag: str, attrs: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - html2text's signature
        """Write the markup of one tag."""
        if self.block is not None:
            self._in_block(tag, start=start)
        elif self._is_linked() and tag not in _IN_LINKS:
            self.handle_data(" " if tag not in _EMPHASIS else "")
        elif self.cells and tag in _PARAGRAPHS:
            self.breaks = max(self.breaks, 1)
        elif tag in self.tags:
            self.tags[tag](attrs, start)
        else:
            super().handle_tag(tag, attrs, start)

    def handle_data(self, data: str, entity_char: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - html2text's signature
        """Write text as it is; within code, where nothing is escaped, prevent it from ending the code."""
        if not data.isascii():
            data = data.replace(_MARK_IN_BLOCK, "")
        if self.block is not None:
            self.block.append(data)
            return
        if not data.strip():
            self._blank(data)
            return
        self._pay()
        if self.stressed:
            data = data.lstrip()
            self.stressed = False
        data = _BLANKS.sub(" ", data)
        if self.code:
            data = _within_code(data)
        elif _is_ruler(data) and not (self.cells or self.links):
            self._ruler({}, True)  # noqa: FBT003 - as handle_tag
            return
        self.preceding_data = data
        self.o(data, puredata=True)

    def _blank(self, data: str) -> None:
        """Write an empty line: mail software uses a paragraph with a no-break space."""
        if _NO_BREAK in data and self.p_p and not (self.cells or self.links or self.list):
            self._break({}, True)  # noqa: FBT003 - as handle_tag
        elif data:
            self.preceding_data, self.stressed = " ", False
            self.o(" ", puredata=True)

    def _pay(self) -> None:
        """Write the pending line breaks of a cell."""
        if self.cells and self.filled:
            self.o(_BR * self.breaks)
        self.breaks, self.filled = 0, True

    def _heading(self, level: int) -> Callable[[dict[str, str | None], bool], None]:
        def write(_: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
            if start:
                self.p()
                self.o(begun(f"{'=' * level} "))
            else:
                self.o(own(f" {'=' * level}"))
                self.p()

        return write

    def _mark(self, mark: str) -> Callable[[dict[str, str | None], bool], None]:
        return lambda _, __: self.o(own(mark))

    def _stress(self, mark: str) -> Callable[[dict[str, str | None], bool], None]:
        """Handler for bold or italic; leading blanks are dropped, since Trac would not see emphasis."""

        def write(_: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
            self.lastWasList = False
            self.o(own(mark))
            self.stressed = start or self.stressed

        return write

    def _paragraph(self, _: dict[str, str | None], start: bool) -> None:  # noqa: ARG002, FBT001 - as handle_tag
        self.lastWasList = False
        self.p()

    def _code(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        self.o(own("{{{" if start else "}}}"))
        self.code = start

    def _break(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if not start:
            return
        if self.cells:
            self.breaks += 1
            return
        self.o(own("}}}") if self.code else "")
        indent = begun(" " * (1 + 2 * len(self.list)))
        self.o(f"{own(escape.BREAK)}\n{indent}" if self.list else f"\n{'> ' * self.blockquote}")
        self.o(own("{{{") if self.code else "")

    def _division(self, _: dict[str, str | None], start: bool) -> None:  # noqa: ARG002, FBT001 - as handle_tag
        self.pbr()

    def _ruler(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if start:
            self.p()
            self.o(begun("----"))
            self.p()

    def _pre(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if start and not self.code:
            self.block = []

    def _in_block(self, tag: str, *, start: bool) -> None:
        """Handle tags within `pre`; at its end write the block, as its surroundings allow."""
        block = self.block or []
        if tag == "pre" and not start:
            self._end_block("".join(block))
        elif (tag == "br" and start) or (tag in _PARAGRAPHS and block and not block[-1].endswith("\n")):
            block.append("\n")

    def _end_block(self, text: str) -> None:
        self.block = None
        lines = declared_quotes.without_marks(text).expandtabs().strip("\n").rstrip().splitlines()
        if any(line.strip() for line in lines):
            self._write_block(lines)

    def _write_block(self, lines: list[str]) -> None:
        """Write a block of code; within a quote or a cell, where Trac supports none, lines that look like one."""
        if self.cells:
            self._pay()
            self.o(_BR.join(line.replace("  ", f"{_NO_BREAK} ") for line in lines))
            self.breaks = 1
            return
        if self.list:
            indent = " " * (1 + 2 * len(self.list))
            self.start, self.p_p = False, 0
            self.o("\n" + wiki_syntax.block(lines, indent))
            self.pbr()
            return
        self.start = False
        self.p()
        if self.blockquote:
            front = f"\n{'> ' * self.blockquote}"
            self.o(front.join(begun(line) for line in escape.lines("\n".join(lines)).split("\n")))
        else:
            self.o(wiki_syntax.block(lines, ""))
        self.p()

    def _link(self, attributes: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        """Write `[url label]`, or the bare URL if the label is the same."""
        if start:
            self._interrupt_code()
            if self.p_p or self.space:
                self.o("", force=True)
            self.links.append((attributes.get("href") or "", len(self.outtextlist)))
        elif self.links:
            url, begin = self.links.pop()
            label = "".join(self.outtextlist[begin:])
            del self.outtextlist[begin:]
            before = self.outtextlist[-1][-1:] if self.outtextlist else ""
            if label:
                self.outtextlist.append(wiki_syntax.linked(url, label, before))
            # A block within the link may have ended the code; then it continues by itself with the next text.
            if self.interrupted and "code" in self.emphasized:
                self._code({}, True)  # noqa: FBT003 - as handle_tag

    def _is_linked(self) -> bool:
        """Whether the present element is a link, not only an anchor."""
        return bool(self.links) and bool(self.links[-1][0])

    def _interrupt_code(self) -> None:
        """End code before a link, since a link in code would be text."""
        self.interrupted = self.code
        if self.code:
            self._code({}, False)  # noqa: FBT003 - as handle_tag

    def _image(self, attributes: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        source = attributes.get("src") or ""
        name = self.images.get(source[4:]) if source.lower().startswith("cid:") else None
        if start and name:
            self._pay()
            self.o(wiki_syntax.image(name))
        elif start and attributes.get("alt"):
            self.handle_data(attributes["alt"] or "")

    def _table(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        self.cells += 1 if start else -1
        self.p()

    def _row(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if start:
            self.pbr()
            self.o(begun(""))
        else:
            self.o(own("||"))
            self.pbr()

    def _cell(self, before: str, after: str) -> Callable[[dict[str, str | None], bool], None]:
        def write(_: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
            self.breaks, self.filled = 0, False
            mark = before if start else after
            self.o(own(mark) if mark else "")

        return write

    def _item(self, _: dict[str, str | None], start: bool) -> None:  # noqa: FBT001 - as handle_tag
        if start:
            self.pbr()
            mark = f"{self._number()}." if self.list and self.list[-1].name == "ol" else "*"
            self.o(begun(f"{'  ' * max(0, len(self.list) - 1)} {mark} "))
            self.start = True

    def _number(self) -> int:
        """The number of an item: that of the list's first item, from which Trac counts."""
        first, self.list[-1].num = max(self.list[-1].num, 0) + 1, 0
        return first


def _within_code(text: str) -> str:
    """Text that cannot end the code around it."""
    text = _BRACES.sub(lambda match: escape.MARK.join(match[0]), text)
    return text + escape.MARK if text.endswith("}") else text


def _is_ruler(text: str) -> bool:
    """Whether the text is a ruler made of underlines."""
    return text[-1:] in {"_", " "} and bool(_UNDERLINES.fullmatch(text.strip()))
