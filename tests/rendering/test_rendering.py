"""Each mail reads in Trac as it reads in the mail program: its text, its structure, and what a reply leaves of it.

Beside each `NAME.eml` lie `NAME.wiki`, the wiki text, and `NAME.reply`, what is left when it is a reply.
Both were looked at as pictures (`tests.rendering.pictures`) before they were put there.
"""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from tests.rendering.stage import MAILS, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRUCTURE = {
    "code_snippet": {"code": 3, "pre": 2, "a": 1, "del": 1, "sub": 1, "sup": 1, "u": 1},
    "exchange_autoreply": {"u": 1, "a": 1},
    "github": {"b": 1, "i": 1, "code": 1, "pre": 1, "h": 1, "ul": 1, "li": 2, "th": 2, "td": 4, "a": 3},
    "gmail_android": {"a": 1, "blockquote": 2},
    "gmail_web": {"b": 1, "i": 1, "ul": 2, "li": 4, "a": 2, "blockquote": 1},
    "gmx": {"b": 4, "a": 2},
    "hebrew_arabic": {"b": 1, "i": 1, "ul": 1, "li": 2, "a": 2, "blockquote": 1},
    "iphone": {"a": 1, "blockquote": 2},
    "japanese": {"b": 1, "th": 2, "td": 2, "a": 2, "blockquote": 1},
    "jira": {"b": 1, "h": 1, "th": 4, "td": 4, "ol": 1, "li": 2, "pre": 1, "a": 5},
    "lotus_notes": {"b": 2, "td": 4, "code": 1, "a": 2},
    "newsletter": {"b": 1, "i": 1, "h": 3, "a": 2},
    "outlook_desktop": {"b": 5, "i": 1, "a": 4, "img": 1},
    "outlook_web": {"b": 5, "ol": 1, "li": 3, "hr": 1, "a": 2},
    "protonmail": {"a": 3, "blockquote": 1},
    "teams_invite": {"a": 2, "b": 2, "hr": 3},
    "thunderbird": {"pre": 2, "code": 2, "blockquote": 1},
    "word_lists": {"h": 1, "ul": 2, "ol": 1, "li": 6, "b": 3, "td": 4},
    "yahoo": {"a": 1},
    "zimbra": {"b": 4, "hr": 1, "a": 2},
    "apple_mail": {"b": 1, "a": 1, "blockquote": 2},
}
"""How many of each Trac shows; addresses in plain text are links in Trac."""
_SAME = {"strong": "b", "em": "i", "tt": "code", "kbd": "code", "s": "del", **{f"h{n}": "h" for n in range(1, 7)}}
_HIDDEN = re.compile(r"display:\s*none|mso-hide:\s*all|mso-list:\s*Ignore")
_VOID = {"br", "hr", "img", "input", "meta", "link"}
_SILENT = {"head", "style", "script", "title", "xml"}


class Reading(HTMLParser):
    """The words and the elements that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words = ""
        self.elements: Counter[str] = Counter()
        self._open: list[tuple[str, bool]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count it, if it is seen."""
        values = {key: value or "" for key, value in attrs}
        if tag == "span" and values.get("class") == "underline":
            tag = "u"
        if tag not in _VOID:
            hidden = tag in _SILENT or bool(_HIDDEN.search(values.get("style", "")))
            self._open.append((tag, hidden or self._is_hidden()))
        if tag == "img" and values.get("src", "").startswith("https:"):
            self.handle_data(values.get("alt", ""))  # which is all that is shown of it as long as nothing is fetched
        if not self._is_hidden():
            self.elements[_SAME.get(tag, tag)] += 1

    def handle_endtag(self, tag: str) -> None:
        """Close it, and what it left open."""
        if tag in (name for name, _ in self._open):
            while self._open and self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Words count without the blanks between them, and without the characters that stand for boxes."""
        if not self._is_hidden():
            self.words += re.sub(r"[\s\u200b\u200f\u2610\u2611\ufeff\xad]+|^_+$", "", data)

    def _is_hidden(self) -> bool:
        return bool(self._open) and self._open[-1][1]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One Trac for all mails."""
    made = Stage()
    yield made
    made.close()


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_mail_becomes_the_wiki_text_that_was_looked_at(stage: Stage, path: Path) -> None:
    """Line by line."""
    assert f"{stage.show(path).wiki}\n" == path.with_suffix(".wiki").read_text("utf-8")


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_reply_is_what_its_sender_wrote(stage: Stage, path: Path) -> None:
    """Without quotes and signatures; all of it where there are none."""
    assert f"{stage.show(path).answer}\n" == path.with_suffix(".reply").read_text("utf-8")


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
@pytest.mark.parametrize("keeps_lines", [True, False], ids=["lines kept", "lines joined"])
def test_trac_shows_every_word_and_no_other(stage: Stage, path: Path, *, keeps_lines: bool) -> None:
    """In the same order as the sender's own HTML; what is hidden there is hidden here."""
    shown = stage.show(path, keeps_lines=keeps_lines)
    assert Reading(shown.html).words == Reading(shown.original).words


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_trac_shows_the_same_structure(stage: Stage, path: Path) -> None:
    """Headings, lists, tables, links, emphasis, code, quotes, images."""
    elements = Reading(stage.show(path).html).elements
    counted = {name: count for name, count in elements.items() if name in set().union(*STRUCTURE.values())}
    assert counted == STRUCTURE[path.stem]


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_lines_stay_apart_where_trac_joins_them(stage: Stage, path: Path) -> None:
    """`[ticket] preserve_newlines = false` shows the same line breaks."""

    def breaks(keeps_lines: bool) -> list[str]:  # noqa: FBT001 - private
        html = re.sub(r"\s*<br />\s*(?=</p>|$)", "", stage.show(path, keeps_lines=keeps_lines).html)
        return [re.sub(r"<[^>]*>|\s+", "", line) for line in re.split(r"<br />|</p>|</li>", html)]

    assert breaks(keeps_lines=False) == breaks(keeps_lines=True)
