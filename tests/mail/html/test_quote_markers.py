"""Elements with which mail clients mark quotes and signatures."""

from __future__ import annotations

import pytest
from genshi.core import END, START
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.html import quote_markers
from trac_mailintake.mail.html.tokenizer import BalancedParser
from trac_mailintake.mail.marks import QUOTED, QUOTED_END


def marked(html: str) -> str:
    """The HTML with `[` and `]` around what is marked."""
    pieces = []
    for kind, what, _ in quote_markers.marked(html.lower(), BalancedParser(html).events()):
        pieces.append(f"<{what[0]}>" if kind is START else f"</{what}>" if kind is END else what)
    return "".join(pieces).replace(QUOTED, "[").replace(QUOTED_END, "]")


RULER = "border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a</p>", "<p>a</p>"),
        ("a<div class=gmail_quote>b</div>c", "a<div>[b]</div>c"),
        ("a<div class='x_gmail_quote y'>b</div>c", "a<div>[b]</div>c"),
        (
            "<div class=gmail_quote>On Monday<blockquote>b</blockquote>c</div>",
            "<div>[On Monday]<blockquote>b</blockquote>c</div>",
        ),
        ("<div class=gmail_quote><div class=gmail_attr>b</div>c</div>", "<div>[<div>b</div>c]</div>"),
        ("<pre class=moz-signature>-- \nAnn</pre>c", "[<pre>-- \nAnn</pre>]c"),
        ("<div id=Signature>Ann</div>c", "<div>[Ann]</div>c"),
        ("<div name=quote>b</div>c", "<div>[b]</div>c"),
        ("<div class=signature>Ann</div>", "<div>Ann</div>"),
        ("a<div id=appendonsend></div>b<div class=gmail_quote>c</div>", "a[<div></div>b<div>c</div>"),
        ("a<hr id=zwchr>b", "a[<hr></hr>b"),
        (f"a<div style='{RULER}'>b</div>c", "a[<div>b</div>c"),
        (f"a<p style='{RULER}'>b</p>c", "a<p>b</p>c"),
        ("<blockquote><div class=gmail_quote>b</div></blockquote>", "<blockquote><div>b</div></blockquote>"),
        ("<b class=gmail_quote>a</b>", "<b>a</b>"),
    ],
)
def test_where_the_marks_stand(html: str, expected: str) -> None:
    """Within the element they are about; up to a blockquote, between which people answer; or over all the rest."""
    assert marked(html) == expected


PIECES = st.sampled_from(
    [
        *("<div class=gmail_quote>", "<pre class=moz-signature>", "<div>", "</div>", "</pre>", "<blockquote>", "words"),
        *("</blockquote>", "<p>", "<div id=appendonsend>", "<span class=gmail_attr>", "</span>"),
    ]
)


@given(st.lists(PIECES, max_size=20).map("".join))
def test_marks_are_never_nested(html: str) -> None:
    """One begins only where none is open, and ends once; the last may stay open up to the end."""
    found = [letter for letter in marked(html) if letter in "[]"]
    assert found == (["[", "]"] * len(found))[: len(found)]


@given(st.lists(PIECES, max_size=20).map("".join))
def test_nothing_but_marks_is_added(html: str) -> None:
    """And nothing is taken away."""
    plain = "".join(
        f"<{what[0]}>" if kind is START else f"</{what}>" if kind is END else what
        for kind, what, _ in BalancedParser(html).events()
    )
    assert marked(html).replace("[", "").replace("]", "") == plain
