"""HTML as wiki text: headings, lists, tables, links, emphasis, code, images."""

from __future__ import annotations

import pytest

from trac_mailintake.mail.html import to_wiki
from trac_mailintake.mail.wiki.escape import MARK


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


def test_a_line_of_quote_marks_in_a_block_stays() -> None:
    """It is code, such as Python's prompt, and no empty line of a quote."""
    assert ">>>" in to_wiki.wiki("<pre>one\n>>>\ntwo</pre>", {}).split("\n")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<ol start=3><li>a<li>b</ol>", " 3. a\n 1. b"),
        ("<table><tr><th>A<th>B<tr><td><br>a<br><br>b<br><td>c</table>", "||=A=||=B=||\n||a[[BR]][[BR]]b||c||"),
        ("<table><tr><th>A<th>B<tr><td><b>a</b><td>d</table>", "||=A=||=B=||\n||'''a'''||d||"),
        ("<pre><p>a</p><p>b</p>c<br>d</pre>", "{{{\na\nb\nc\nd\n}}}"),
        ("<pre> \n </pre>a", "a"),
        ("<code><pre>a</pre></code>", "{{{\na\n}}}"),
        ("<sup>a</sup><sub>b</sub>", "^a^,,b,,"),
        ("<a href='https://x.example/'><b>a</b> <p>b</p></a>", "[https://x.example/ a b]"),
        ("<code>a}</code>", "{{{a}" + MARK + "}}}"),
        ("a\ufeffb", "ab"),
        ("<ul><li>a<br>b</ul>", f" * a \\\\\n   {MARK}b"),
        ("<i>a <em>b</em> c</i>", "''a b c''"),
        ("<b> a</b>", "'''a'''"),
        ("</b>a</a>", "a"),
    ],
)
def test_what_trac_cannot_show_is_written_as_what_it_can(html: str, expected: str) -> None:
    """Emphasis in emphasis, line breaks in cells and items, links around blocks."""
    assert to_wiki.wiki(html, {}) == expected
