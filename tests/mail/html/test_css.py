"""Styles that mean an element."""

from __future__ import annotations

import pytest
from genshi.core import END, START
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.html import css
from trac_mailintake.mail.html.tokenizer import BalancedParser


def applied(html: str) -> str:
    """The elements without attributes, with the text in them."""
    pieces = []
    for kind, what, _ in css.applied(html.lower(), BalancedParser(html).events()):
        pieces.append(f"<{what[0]}>" if kind is START else f"</{what}>" if kind is END else what)
    return "".join(pieces)


SHEET = "<style>p.MsoNormal, li.MsoNormal {margin:0cm; font-size:11pt}</style>"
ITEM = "<p style='mso-list:l0 level{} lfo1'><span style='mso-list:Ignore'>{}<span>&nbsp;</span></span>{}</p>"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a</p>", "<p>a</p>"),
        ("<span style='font-weight:bold'>a</span>", "<b>a</b>"),
        ("<font style='font-weight: 700'>a</font>", "<b>a</b>"),
        ("<span style='font-style:italic'>a</span>", "<i>a</i>"),
        ("<span style='font-weight:normal;font-size:9pt'>a</span>", "<span>a</span>"),
        ("<b style='font-weight:normal'>a</b>", "<span>a</span>"),
        ("<strong style='font-weight:600'>a</strong>", "<strong>a</strong>"),
        ("<p style='margin:0'>a</p>", "<div>a</div>"),
        ("<p style='margin:0 0 8pt'>a</p>", "<p>a</p>"),
        ("<p style='margin-top:0;margin-bottom:1em'>a</p>", "<p>a</p>"),
        ("<p style='margin-left:3cm'>a</p>", "<p>a</p>"),
        ("<div style='white-space:pre'>a</div>", "<pre>a</pre>"),
        ("<div style='white-space:pre-wrap'>a\nb</div>", "<div>a<br></br>b</div>"),
        (
            "<div style='white-space:pre-wrap'><p style='white-space:normal'>a\nb</p>c\nd</div>",
            "<div><p>a\nb</p>c<br></br>d</div>",
        ),
        ("<blockquote style='margin:0 0 0 40px;border:none'>a</blockquote>", "<div>a</div>"),
        ("<blockquote style='margin:0;border:none;border-left:1px'>a</blockquote>", "<blockquote>a</blockquote>"),
        ("<blockquote type=cite style='border:none;margin:0'>a</blockquote>", "<blockquote>a</blockquote>"),
        (f"{SHEET}<p class=MsoNormal>a</p><p>b</p>", f"<style>{SHEET[7:-8]}</style><div>a</div><p>b</p>"),
        ("<style>p{margin:0}</style><p>a</p>", "<style>p{margin:0}</style><div>a</div>"),
    ],
)
def test_a_style_that_means_an_element(html: str, expected: str) -> None:
    """Bold, italic, lines without margins, code, the indentation of Gmail and Apple Mail."""
    assert applied(html) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (((1, "·", "a"), (1, "·", "b")), "<ul><li>a</li><li>b</li></ul>"),
        (((1, "1.", "a"), (1, "2.", "b")), "<ol><li>a</li><li>b</li></ol>"),
        (((1, "·", "a"), (2, "o", "b"), (1, "·", "c")), "<ul><li>a</li><ul><li>b</li></ul><li>c</li></ul>"),
        (((1, "·", "a"), (1, "a)", "b")), "<ul><li>a</li></ul><ol><li>b</li></ol>"),
        (((3, "iv.", "a"),), "<ol><ol><ol><li>a</li></ol></ol></ol>"),
    ],
)
def test_paragraphs_of_word_are_lists(items: tuple[tuple[int, str, str], ...], expected: str) -> None:
    """Numbered or not by the marker that Word wrote as text; what follows ends the list."""
    html = "".join(ITEM.format(*item) for item in items)
    assert applied(f"{html}<p>x</p>") == f"{expected}<p>x</p>"
    assert applied(f"{html}words") == f"{expected}words"


PIECES = st.sampled_from(
    [
        *(
            ITEM.format(1, "1.", "a"),
            ITEM.format(2, "·", "<b>b</b>"),
            "<p style='margin:0'>",
            "</p>",
            "words\n",
            "<div>",
        ),
        *("</div>", "<div style='white-space:pre-wrap'>", "<span style='font-weight:bold'>", "</span>", "<p", "</li>"),
    ]
)


@given(st.lists(PIECES, max_size=20).map("".join))
def test_elements_stay_balanced(html: str) -> None:
    """Whatever they are renamed to."""
    names: list[str] = []
    for kind, what, _ in css.applied(html.lower(), BalancedParser(html).events()):
        if kind is START:
            names.append(what[0])
        elif kind is END:
            assert names.pop() == what
    assert names == []
