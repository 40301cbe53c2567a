"""A form of a page, read and sent as a browser does (HTML Standard, 4.10 and 13.2), with all that a browser adds."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

from tests.servers.machine import ServerFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.servers.tracenv import Page, Visitor

_ENDS: Final = re.compile("\r\n|\r|\n")
_PRESSED: Final = frozenset({"submit", "button", "reset", "image", "file"})
_TICKED: Final = frozenset({"checkbox", "radio"})


class Form(HTMLParser):
    """The form with this id: `fields` are the names and values that would be sent if nobody touched it.

    Of what a page may hold it knows what Trac's templates use; values of several fields of one name are not kept apart.
    """

    def __init__(self, page: str, name: str) -> None:
        """Raises ServerFailed when the page has no such form."""
        super().__init__(convert_charrefs=True)
        self.fields: dict[str, str] = {}
        self.found = False
        self._name = name
        self._within = False
        self._select = ""
        self._options: list[tuple[str, bool]] = []
        self._area: tuple[str, list[str]] | None = None
        # 13.2.3.5 and 13.2.5.2: ends of lines become U+000A before anything is read, U+0000 is replaced within texts.
        self.feed(_ENDS.sub("\n", page).replace("\0", "\ufffd"))
        self.close()
        if not self.found:
            message = f"there is no form {name!r} on the page"
            raise ServerFailed(message)

    def send(self, visitor: Visitor, path: str, **typed: str) -> Page:
        """Post it with what was typed; 4.10.21.4: each end of a line is sent as U+000D U+000A."""
        fields = {**self.fields, **typed}
        return visitor.post(path, {name: _ENDS.sub("\r\n", value) for name, value in fields.items()})

    # HTMLParser methods

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        """Fields, and where the form begins."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._within = given.get("id") == self._name
            self.found = self.found or self._within
        if not self._within or "disabled" in given:
            return
        name = given.get("name", "")
        if tag == "input" and name:
            self._input(name, given)
        elif tag == "textarea":
            self._area = (name, [])
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option" and self._select:
            self._options.append((given.get("value", ""), "selected" in given))

    def handle_data(self, data: str) -> None:
        """What stands in a text area."""
        if self._area:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        """What a field has come to."""
        if tag == "form":
            self._within = False
        elif tag == "textarea" and self._area:
            name, pieces = self._area
            # 13.2.6.4.7: "If the next token is a U+000A LINE FEED (LF) character token, then ignore that token".
            self.fields[name] = "".join(pieces).removeprefix("\n")
            self._area = None
        elif tag == "select" and self._select:
            # 4.10.7: of a list that shows one line and of which nothing is chosen, the first option is.
            first = [value for value, _ in self._options[:1]]
            for value in [value for value, selected in self._options if selected] or first:
                self.fields[self._select] = value
            self._select = ""

    def _input(self, name: str, given: dict[str, str]) -> None:
        kind = given.get("type", "text").lower()
        if kind in _PRESSED or (kind in _TICKED and "checked" not in given):
            return
        value = given.get("value", "on" if kind in _TICKED else "")
        # 4.10.5.1.2: "Strip newlines from the value."
        self.fields[name] = value if kind in {"hidden", *_TICKED} else value.replace("\n", "")
