"""HTML as wiki text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trac_mailintake.mail.html import declared_quotes, to_wiki

MACRO = (
    "<x>[</x>",
    "[",
    "&#91;",
    "<b></b>",
    "<!-- -->",
    "Timeline",
    "]]",
    "{{{",
    "<p>",
    "</p>",
    "#!html",
    "\u2028",
    "<pre>",
    "</pre>",
    "<tt>",
    "</tt>",
    "<br>",
    "<blockquote>",
    "<div class=gmail_quote>",
    "</div>",
    "<table><tr><td>",
    "x",
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(MACRO), max_size=12).map("".join))
def test_no_macro_gets_through(html: str) -> None:
    """However it is put together: every `[[` is escaped, broken up, or within a block of code."""
    try:
        text, _ = declared_quotes.taken_out(to_wiki.wiki(html, {}))
    except to_wiki.TooComplexError:
        text = to_wiki.stripped(html)
    block = False
    for line in text.splitlines():
        if line.strip() in {"{{{", "}}}"}:
            block = line.strip() == "{{{"
        elif not block:
            # From the left on, as Trac looks: what an escape takes in is no macro any more.
            found = re.findall(r"!?\[\[(?:[^]]|][^]])+\]\]", re.sub(r"\{\{\{.*?\}\}\}", "", line))
            assert all(each.startswith("!") for each in found)


@pytest.mark.slow
@pytest.mark.parametrize(
    "html",
    [
        *("<div>" * 19_000, "<blockquote>x" * 19_000, "<ul><li>x" * 9_900, "<!--" * 100_000, '<a href="' * 50_000),
        *('<a href=">' * 19_000, "<a " + "b=c " * 200_000 + ">", "</" * 500_000, "<?" * 500_000, "<" * 1_000_000),
        *("&" * 1_000_000, "&#" * 49_000, " " * 500_000, "<table><tr><td>" * 6_000, "<b>x" * 19_000, "{{{" * 170_000),
        *("[[" * 250_000, "<script>" * 20_000, "<pre>" * 19_000, "x" * 2_000_000, "<img alt=x src=cid:1>" * 19_000),
    ],
    ids=lambda html: html[:12],
)
def test_hostile_html_takes_no_time(html: str) -> None:
    """The shape is checked first: two seconds for HTML at most, stripping its tags included."""
    started = time.process_time()
    try:
        to_wiki.wiki(html, {})
    except to_wiki.TooComplexError:
        to_wiki.stripped(html)
    assert time.process_time() - started < 3


def test_a_number_that_is_no_character_is_shown_as_none() -> None:
    """Python would not read it; the rest of the text stays."""
    assert to_wiki.stripped(f"<p>before &#{'9' * 5_000}; behind &#0065;") == "before \ufffd behind A"


def test_html_that_is_too_complex_keeps_its_text() -> None:
    """Without tags, scripts and styles, and safe for a wiki field."""
    html = "<style>a{}</style><p>Hello <b>World</b></p><p>#12</p>" + "<i>x</i>" * 30_000
    with pytest.raises(to_wiki.TooComplexError):
        to_wiki.wiki(html, {})
    assert to_wiki.stripped(html).startswith("Hello World\n!#12")
