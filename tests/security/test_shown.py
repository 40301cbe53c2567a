"""The deepest and the worst of texts are filed, and every page of Trac that shows them is whole."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Rig, mail
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.tracenv import Tracd, Visitor

PLAIN: Final = {
    "a deep quote": ">" * 3_000 + " x",
    "a deep quote with blanks": "> " * 1_000 + "x",
    "a deep quote with tabs": ">\t" * 1_000 + "x",
    "a deep quote with no-break spaces": ">\u00a0" * 1_000 + "x",
    "quotes that deepen": "\n".join(">" * depth + " x" for depth in range(500)),
    "quotes that come and go": (">" * 400 + "x\n\n") * 30,
    "steps to the folder itself": "./" * 60,
    "steps to folders": "/./.././/" * 40 + "Page",
    "brackets": "[" * 15_000,
    "brackets of macros": "[[a" * 5_000,
    "angles": "<" * 15_000,
    "letters": "a" * 30_000,
    "blocks within blocks": "{{{\n" * 1_000,
    "blocks with processors": "{{{#!div\n" * 1_000,
    "indentation": "\n".join(" " * depth + "* x" for depth in range(500)),
    "cells": "||x" * 5_000,
    "headings": "= x =\n" * 4_000,
    "addresses": "a@b.example " * 3_000,
}
HTML: Final = {
    "blockquotes": "<blockquote>" * 2_000 + "x",
    "blockquotes that come and go": ("<blockquote>" * 50 + "x" + "</blockquote>" * 50) * 60,
    "lists": "<ul><li>x" * 2_000,
    "tables": "<table><tr><td>x" * 2_000,
    "rows": "<table>" + "<tr><td>x</td><td>y</td></tr>" * 3_000 + "</table>",
    "headings alike": "<h2>x</h2>" * 6_000,
    "marks of quotes": "<p>" + "&gt;" * 2_000 + "x</p>",
    "marks of quotes in a block": "<pre>" + "&gt;" * 2_000 + "x</pre>",
    "steps in a paragraph": "<p>" + "./" * 60 + "</p>",
    "steps in a block in a quote": "<blockquote><pre>" + "./" * 60 + "</pre></blockquote>",
    "brackets in paragraphs": ("<p>" + "[" * 4_900 + "</p>") * 5,
    "emphasis": "<b>x</b><i>y</i>" * 4_000,
    "a number without end": "<p>&#" + "9" * 5_000 + ";</p>",
}
WIKI: Final = tuple(name for name in PLAIN if name.startswith(("a deep", "steps", "blocks")))
"""Senders who may write wiki text may make it as costly as they like, but it must not break a page."""
END: Final = "The end of it"
LISTS: Final = (
    "/timeline?ticket=on&ticket_details=on&daysback=9000&max=1000",
    "/timeline?ticket=on&ticket_details=on&daysback=9000&max=1000&format=rss",
    "/query?max=1000&order=id&row=description&col=id&col=summary",
    "/query?max=1000&order=id&col=id&format=rss",
)
SECONDS: Final = 60
"""Of tracd's processor time, for a list of all of these."""


@dataclass(frozen=True)
class Site:
    """Tracd, its pages, and the tickets by the names of their texts; each has the same text as a comment."""

    tracd: Tracd
    visitor: Visitor
    tickets: dict[tuple[str, str], int]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """All texts filed, in all manners, where the timeline shows comments whole and as one line."""
    folder = tmp_path_factory.mktemp("shown")
    trac = TracEnv.create(folder / "env", options=(("timeline", "abbreviated_messages", "false"),))
    rig = Rig(trac, folder, rate_sender="0", rate_ticket="0", rate_service="0")
    tickets: dict[tuple[str, str], int] = {}
    for manner in dict.fromkeys(manner for manner, _ in CASES):
        rig.set(text=manner)
        for case in CASES:
            if case[0] == manner:
                number = tickets[case] = len(tickets) + 1
                rig.drop(letter("A question", case[1]), letter(f"Re: #{number}", case[1]))
        rig.run()
    assert [outcome for outcome, _ in rig.outcomes] == ["created", "commented"] * len(CASES)
    with trac.serve() as tracd:
        yield Site(tracd, tracd.visitor(), tickets)
    trac.close()


CASES: Final = (
    *(("plain", name) for name in (*PLAIN, *HTML)),
    *(("verbatim", name) for name in PLAIN),
    *(("wiki", name) for name in WIKI),
)


def letter(subject: str, name: str) -> bytes:
    """A mail with the text of that name, and the end of it."""
    kind = "html" if name in HTML else "plain"
    body = f"{HTML[name]}<p>{END}</p>\n" if name in HTML else f"{PLAIN[name]}\n\n{END}\n"
    return mail(subject, f"Content-Type: text/{kind}; charset=utf-8", body=body)


def whole(site: Site, path: str) -> str:
    """The page at a path, which is all there."""
    page = site.visitor.get(path)
    assert page.status == 200
    assert page.text.rstrip().endswith(("</html>", "</rss>"))
    return page.text


@pytest.mark.parametrize(("manner", "name"), CASES)
def test_a_ticket_is_whole(site: Site, manner: str, name: str) -> None:
    """Its page with the text, the comment, the attachments and the form below them, and its feed."""
    number = site.tickets[manner, name]
    page = whole(site, f"/ticket/{number}")
    assert page.count(END) >= 2
    assert 'id="attachments"' in page
    assert 'id="propertyform"' in page
    if name in PLAIN:
        assert missing(PLAIN[name], page) == Counter()
    assert whole(site, f"/ticket/{number}?format=rss").count(END) >= 2


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_whole(site: Site, path: str) -> None:
    """Timeline and query, as pages and as feeds, with all of these texts on one page."""
    began = site.tracd.worked()
    page = whole(site, path)
    assert site.tracd.worked() - began < SECONDS
    assert page.count(f"/ticket/{len(CASES)}") >= 1
    as_lines = path.startswith("/timeline") and "rss" not in path  # where Trac shows `[…]` for a block
    assert page.count(END) >= (1 if as_lines else len(CASES))


def missing(text: str, page: str) -> Counter[str]:
    """Characters of a text that a page does not show; quote marks are shown as bars, blanks nobody sees."""
    shown = Counter(unescape(re.sub(r"<[^<>]*>", "", page)))
    return Counter({each: count for each, count in Counter(text).items() if not each.isspace() and each != ">"}) - shown
