"""HTML as mail software writes it, with every element closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from genshi.core import END, START, TEXT
from hypothesis import given
from hypothesis import strategies as st

from tests.growth import LINEAR, growth
from trac_mailintake.mail.html.tokenizer import BalancedParser

if TYPE_CHECKING:
    from collections.abc import Iterator


def written(html: str) -> str:
    """The events, written as HTML again."""
    return "".join(_pieces(html))


def _pieces(html: str) -> Iterator[str]:
    for kind, what, _ in BalancedParser(html).events():
        if kind is START:
            yield f"<{what[0]}{''.join(f' {key}={value}' for key, value in what[1])}>"
        elif kind is END:
            yield f"</{what}>"
        else:
            assert kind is TEXT
            yield what


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<ul><li>a<li>b</ul>c", "<ul><li>a</li><li>b</li></ul>c"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>"),
        ("<table><tr><td>a<td>b<tr><td>c</table>d", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>d"),
        (
            "<table><thead><tr><th>a<tbody><tr><td>b</table>",
            "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>",
        ),
        ("<td>a<td>b", "<td>a<td>b</td></td>"),
        ("<b>a<i>b</b>c</i>", "<b>a<i>b</i></b>c"),
        ("<div><b>a</div>b</b>", "<div><b>a</b></div>b"),
        ("a</p>b</div>", "ab"),
        ("a</br>b<br/>c<br>d", "a<br></br>b<br></br>c<br></br>d"),
        ("<span/>a", "<span></span>a"),
        ("<b><blockquote>a</b>b</blockquote>c", "<b><blockquote>a</blockquote></b>bc"),
        ("<div><table><tr><td>a</div>b</table>c", "<div><table><tr><td>ab</td></tr></table>c</div>"),
        (
            "<table><tr><td><table><tr><td>a</table>b</table>",
            "<table><tr><td><table><tr><td>a</td></tr></table>b</td></tr></table>",
        ),
        ("<a href=x>a<a href=y>b", "<a href=x>a</a><a href=y>b</a>"),
        ("<!-- c -->a<!DOCTYPE html><?xml x?>b", "ab"),
        ("<p title='&lt;&amp;\ufdd0'>&amp;&#8364;\ufdd0</p>", "<p title=<&\ufffd>&€\ufffd</p>"),
        ("<P CLASS=X checked>a</P>", "<p class=X checked=>a</p>"),
    ],
)
def test_elements_end_where_browsers_end_them(html: str, expected: str) -> None:
    """Paragraphs, items and cells by the next one; an end tag that fits nothing ends nothing, nor beyond its cell."""
    assert written(html) == expected


TAGS = ("p", "b", "div", "table", "tr", "td", "tbody", "ul", "li", "blockquote", "br", "a", "x")
PIECES = st.one_of(
    st.sampled_from(TAGS).map("<{}>".format),
    st.sampled_from(TAGS).map("</{}>".format),
    st.sampled_from(TAGS).map("<{}/>".format),
    st.sampled_from(["words", "&lt;", "<", ">", "<!--", "-->", "&#0;"]),
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_whatever_begins_ends(html: str) -> None:
    """In the opposite order."""
    names: list[str] = []
    for kind, what, _ in BalancedParser(html).events():
        if kind is START:
            names.append(what[0])
        elif kind is END:
            assert names.pop() == what
    assert names == []


@pytest.mark.parametrize("html", ["<table><tr><td>", "<ul><li>", "<b><p>", "</b><b>", "<blockquote>x", "<x></y>"])
def test_the_time_is_linear(html: str) -> None:
    """However deep the elements are."""
    assert growth(lambda size: sum(1 for _ in BalancedParser(html * size).events()), 1000) < LINEAR
