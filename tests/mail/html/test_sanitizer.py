"""What is left of HTML: a few harmless elements, and the text of all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from genshi.core import END, START, TEXT
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.html import sanitizer

if TYPE_CHECKING:
    from collections.abc import Iterator


def cleaned(html: str) -> str:
    """The events, written as HTML again."""
    return "".join(_pieces(html))


def _pieces(html: str) -> Iterator[str]:
    for kind, what, _ in sanitizer.cleaned(html):
        if kind is START:
            yield f"<{what[0]}{''.join(f' {key}={value}' for key, value in what[1])}>"
        elif kind is END:
            yield "" if what in {"br", "hr", "img"} else f"</{what}>"
        else:
            assert kind is TEXT
            yield what


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<b onclick=x style='color:red' class=y>a</b>", "<b>a</b>"),
        ("<script>alert(1)</script><style>p{}</style><svg><text>x</text></svg>a", "a"),
        ("<object><b>x</b></object><iframe src=x>y</iframe>a", "a"),
        ("<font color=red>a</font><o:p>b</o:p><section>c</section>", "abc"),
        ("<a href='https://x.example/' target=_blank>a</a>", "<a href=https://x.example/>a</a>"),
        ("<a href='javascript:alert(1)'>a</a>", "<a>a</a>"),
        ("<a href='java\nscript:alert(1)'>a</a>", "<a>a</a>"),
        ("<a href='http://[x'>a</a>", "<a>a</a>"),
        ("<a href='vbscript:x'>a</a><a href='data:text/html,x'>b</a>", "<a>a</a><a>b</a>"),
        ("<img src='cid:x' alt=Logo onerror=x>", "<img src=cid:x alt=Logo>"),
        ("<img src='https://x.example/p.gif' width=1 height=1>a", "a"),
        (
            "<img src='https://x.example/p.gif' width=10 height=1>a",
            "<img src=https://x.example/p.gif width=10 height=1>a",
        ),
        ("<ol start=3 type=a><li>x</ol>", "<ol start=3><li>x</li></ol>"),
        ("<input type=checkbox checked>a<input type=CHECKBOX>b<input type=text value=x>c", "\u2611a\u2610bc"),
        ("<p style='display:none'>preview</p><p>a</p>", "<p>a</p>"),
        ("<br clear=all>a", "<br>a"),
    ],
)
def test_what_is_harmless_stays(html: str, expected: str) -> None:
    """And all visible text; links only to what a reader would call one."""
    assert cleaned(html) == expected


@pytest.mark.parametrize(
    ("html", "layout"),
    [
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", False),
        ("<table><tr><th>a<th>b</table>", False),
        ("<table><tr><td>a<td>b</table>", True),
        ("<table><tr><td>a<tr><td>b</table>", True),
        ("<table><tr><td><ul><li>a</ul><td>b<tr><td>c<td>d</table>", True),
        ("<table><tr><td><h2>a</h2><td>b<tr><td>c<td>d</table>", True),
    ],
)
def test_a_table_of_layout_is_no_table(html: str, layout: bool) -> None:  # noqa: FBT001 - a row of the table
    """One column, one row without headings, or blocks in its cells."""
    assert ("<table>" not in cleaned(html)) is layout
    assert cleaned(html).count("<div>") == cleaned(html).count("</div>")


def test_a_table_within_a_table_is_the_one() -> None:
    """That around it is layout; each is closed."""
    inner = "<table><tr><td>a<td>b<tr><td>c<td>d</table>"
    found = cleaned(f"<table><tr><td>{inner}<td>e<tr><td>f<td>g</table>")
    assert (found.count("<table>"), found.count("</table>"), found.count("<td>")) == (1, 1, 4)


@pytest.mark.parametrize("depth", [59, 60, 61, 500])
def test_no_more_than_sixty_elements_are_open(depth: int) -> None:
    """The text below them stays."""
    found = cleaned("<b>" * depth + "words" + "</b>" * depth)
    assert (found.count("<b>"), found.count("</b>"), "words" in found) == (min(depth, 60), min(depth, 60), True)


TAGS = ("p", "b", "div", "table", "tr", "td", "ul", "li", "script", "style", "blockquote", "x", "img src='cid:x'")
PIECES = st.one_of(
    st.sampled_from(TAGS).map("<{}>".format),
    st.sampled_from(TAGS).map(lambda tag: f"</{tag.split()[0]}>"),
    st.sampled_from(["words", "<a href='javascript:x' onclick=y>", "<p style='mso-list:l0 level1'>", "<!--"]),
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_nothing_active_is_left(html: str) -> None:
    """Whatever the order of its tags is; each that begins ends, and no attribute is one that runs."""
    names: list[str] = []
    for kind, what, _ in sanitizer.cleaned(html):
        if kind is START:
            names.append(what[0])
            assert {key for key, _ in what[1]} <= {"href", "src", "alt", "width", "height", "start"}
            assert not any(value.startswith("javascript") for _, value in what[1])
        elif kind is END:
            assert names.pop() == what
        assert kind is TEXT or what not in {"script", "style", "x"}
    assert names == []
