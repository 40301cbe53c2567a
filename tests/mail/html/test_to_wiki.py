"""HTML as wiki text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trac_mailintake.mail.html import declared_quotes, to_wiki


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h2>Title</h2><p>one</p><p>two</p>", "== Title ==\n\none\n\ntwo"),
        ("<b>bold</b> <i>italic</i> <u>under</u> <s>gone</s>", "'''bold''' ''italic'' __under__ ~~gone~~"),
        ('<a href="https://example.org/x">here</a>', "[https://example.org/x here]"),
        ('<a href="https://example.org/">https://example.org</a>', "https://example.org/"),
        ('<a href="mailto:ann@example.org">ann@example.org</a>', "ann@example.org"),
        ('<a href="javascript:alert(1)">click</a>', "click"),
        ("<ul><li>one<ul><li>deep</li></ul></li><li>two</li></ul>", " * one\n   * deep\n * two"),
        ("<ol><li>one</li><li>two</li></ol>", " 1. one\n 1. two"),
        ("<pre>a  b\n c</pre>", "{{{\na  b\n c\n}}}"),
        ("<pre>#!html\n<b>x</b></pre>", "{{{\n\u200b#!html\nx\n}}}"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", "||=A=||=B=||\n||1||2||"),
        ("<table><tr><td>just layout</td></tr></table>", "just layout"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("one<br>two<br><br>three", "one\ntwo\n\nthree"),
        ("<blockquote>quoted<br>on</blockquote>", "> quoted\n> on"),
        ("a<hr>b", "a\n\n----\n\nb"),
        ("<code>x = 1</code>", "{{{x = 1}}}"),
        ("WikiWord #12 [[Timeline]] {{{x}}}", "!WikiWord !#12 ![[Timeline]] !{{{x}}}"),
        ("<p>= no heading =</p><p>{{{</p><p>----x</p>", "\u200b= no heading =\n\n\u200b{{{\n\n\u200b----x"),
        ("[<span></span>[Timeline]]", "![[Timeline]]"),
        ("<b>[</b>[Timeline]]", "'''['''[Timeline]]"),
        ("&#91;[Timeline]]", "![[Timeline]]"),
        ('<img src="cid:logo@x" alt="Logo"><img src="cid:other" alt="Other">', "[[Image(logo.png)]]Other"),
        ('<img src="https://spy.example/p.gif" width="1" height="1">x', "x"),
        ("<style>a{}</style><script>alert(1)</script><title>t</title>x<!-- c -->", "x"),
        ("<o:p>Outlook</o:p> <font color=red>red</font> <section>part</section>", "Outlook red part"),
        ("a \ue000= b =", "a \ue000= b ="),
        ('<span style="display:none">preview</span><div style="mso-hide:all">x</div>shown', "shown"),
        ("<div>one</div><div>&nbsp;</div><div>two</div>", "one\n\ntwo"),
        ("<style>p.MsoNormal{margin:0cm}</style><p class=MsoNormal>one</p><p class=MsoNormal>two</p>", "one\ntwo"),
        ("<p class=MsoNormal style='margin-bottom:8pt'>one</p><p class=MsoNormal>two</p>", "one\n\ntwo"),
        ("<style>P {margin-top:0;margin-bottom:0;}</style><p>one</p><p>two</p><p><br></p>three", "one\ntwo\n\nthree"),
        ("<p style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>·&nbsp; </span>one</p>x", " * one\nx"),
        ("<p style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>a)</span>one</p>", " 1. one"),
        ("<div style='white-space:pre'><div>if x:</div><div>    y</div></div>", "{{{\nif x:\n    y\n}}}"),
        ("<pre><code>a[[1]]\n}}}\n</code></pre>", "{{{\na[[1]]\n\u200b}}}\n}}}"),
        ("<blockquote><pre>a  b\n*c*</pre></blockquote>", "> a  b\n> *c*"),
        ("<ul><li>one<pre>x\ny</pre></li></ul>", " * one\n   {{{\n   x\n   y\n   }}}"),
        ("<tt>a<br>b</tt><tt> </tt>", "{{{a}}}\n{{{b}}}"),
        ("<table><tr><td><p>a</p><p>b</p><td>c<br><tr><td>d<td>e</table>", "||a[[BR]]b||c||\n||d||e||"),
        ("<table><tr><td><img src=x.png><td>logo</table>", "logo"),
        ("<ul><li>one<li>two</ul></font></div>three", " * one\n * two\nthree"),
        ("<div>a</font>b</div></p><b>c</b>", "ab\n'''c'''"),
        ("<blockquote><br>a<br><br><br>b<br></blockquote>", "> a\n>\n> b"),
        ("____________________<br>x", "----\n\nx"),
        ('<a href="tel:+49">+49</a>', "+49"),
        ("<b>Stop!</b> <b></b><i> </i><i><b></b>x</i>", "'''Stop!\u200b''' ''x''"),
        ('Stop!<a href="https://example.org/x">here</a>', "Stop!\u200b[https://example.org/x here]"),
        ("<b><p>one</p><p>two</p><br></b>", "'''one'''\n\n'''two'''"),
        ("<b><strong>x</strong></b>y", "'''x'''y"),
        ('<a href="https://example.org/x"><h2>Title</h2></a>', "[https://example.org/x Title]"),
        ('<a href="https://example.org/x">[#1] x</a>', '[https://example.org/x "[#1] x"]'),
        ("<ul><li><pre>x</pre></li></ul>", " *\n   {{{\n   x\n   }}}"),
        ("<li><pre>x</pre>", " *\n\n{{{\nx\n}}}"),
        ("{{{{{{}}}", "!{{{{{{}}}"),
        ("<code>a <i>n</i></code>", "{{{a n}}}"),
        ('a<a href="https://example.org/x"></a>b', "ab"),
        ('<a name="top"><h2>Title</h2></a>', "== Title =="),
        ("<tt>{{{x}}}</tt>", "{{{{\u200b{\u200b{x}\u200b}\u200b}\u200b}}}"),
        ("<b><img src='cid:logo@x'></b>", "'''[[Image(logo.png)]]'''"),
        ('<tt>a <a href="https://example.org/x">b</a> c</tt>', "{{{a }}}[https://example.org/x b]{{{ c}}}"),
        ("<div>\u05e9\u05dc\u05d5\u05dd,</div>", "\u05e9\u05dc\u05d5\u05dd,\u200f"),
    ],
)
def test_html_is_written_as_wiki_text(html: str, expected: str) -> None:
    """Headings, lists, tables, links, emphasis, code, images; what is active goes, what is unknown keeps its text."""
    assert to_wiki.wiki(html, {"logo@x": "logo.png"}) == expected


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


def test_a_line_of_quote_marks_in_a_block_stays() -> None:
    """It is code, such as Python's prompt, and no empty line of a quote."""
    assert ">>>" in to_wiki.wiki("<pre>one\n>>>\ntwo</pre>", {}).split("\n")


def test_html_that_is_too_complex_keeps_its_text() -> None:
    """Without tags, scripts and styles, and safe for a wiki field."""
    html = "<style>a{}</style><p>Hello <b>World</b></p><p>#12</p>" + "<i>x</i>" * 30_000
    with pytest.raises(to_wiki.TooComplexError):
        to_wiki.wiki(html, {})
    assert to_wiki.stripped(html).startswith("Hello World\n!#12")
