"""Plain text of strangers, as Trac's own formatter shows it."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import TYPE_CHECKING

import pytest
import trac.ticket.query
import trac.ticket.report
import trac.ticket.roadmap
import trac.versioncontrol.web_ui
import trac.wiki.macros
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trac.test import EnvironmentStub, MockRequest
from trac.web.chrome import web_context
from trac.wiki.formatter import format_to_html

from trac_mailintake.mail.scrub import scrub
from trac_mailintake.mail.wiki import escape, formatter_cost
from trac_mailintake.mail.wiki.escape import broken, neutral

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROVIDERS = (trac.ticket.query, trac.ticket.report, trac.ticket.roadmap, trac.versioncontrol.web_ui, trac.wiki.macros)
"""Loaded, so that their wiki syntax is in force."""

_TAG = re.compile(r"<[^>]*>")
_BLANKS = re.compile(r"\s+")
_LINK = re.compile(r'<a class="([^"]*)"')

Render = "Callable[[str], str]"


@pytest.fixture(scope="module")
def render() -> Iterator[Callable[[str], str]]:
    """Wiki text to HTML, with lines joined as Trac does where newlines are not preserved."""
    env = EnvironmentStub(enable=["trac.*"], default_data=True)
    context = web_context(MockRequest(env), "ticket", 1)
    yield lambda text: str(format_to_html(env, context, text, escape_newlines=False))
    env.shutdown()


def words_of(html: str) -> str:
    """The text that a reader sees, whatever its blanks."""
    return _BLANKS.sub(" ", unescape(_TAG.sub("", html.replace("<br />", "\n"))).replace("\u200b", "")).strip()


LINES = [
    "''italic'' '''bold''' '''''both''''' **bold** //italic// __under__ ~~strike~~ x^2^ ,,sub,,",
    "Printers/Hall and /Rooms/Second/ are no pages",
    "CamelCase FooBar: ÄpfelBirne !CamelCase CamelCase@3#top /CamelCase",
    "#12 !#12 #T12 #1-3 r12 [12] {1} [deadbeef12] [trac 12] r1:3/x r12/trunk ticket:12 comment:3:ticket:4",
    "[[TicketQuery(id=1)]] [[Image(x.png)]] [[RecentChanges]] [[BR]] ![[Timeline]]",
    " indented, and\tmore",
    "\ttab",
    " * item",
    "* star",
    "- dash",
    "1. one",
    " a. alpha",
    "= heading =",
    "== Heading two == #anchor",
    "{{{",
    "{{{#!html",
    "  {{{#!html <script>alert(1)</script>",
    "}}}",
    "`code` {{{inline}}} `open",
    "||table||cell||",
    "||=head=||",
    "|----- a='FooBar'",
    " term:: definition",
    "http://example.org/a_(b)__c**d (https://x.example/#12?a=FooBar), end. ftp://a.example/b",
    "<http://example.org/x> [http://evil.example click] wiki:Start javascript:alert(1) data:a/b,x Note:this C:/Dir",
    "\\\\server\\share a\\\\",
    "mail ann@example.org and <mailto:ann@example.org>",
    "-----Original Message-----",
    "[\"wiki page\"] ['x y'] [=#anchor] [=#anchor text] [/path label] [#foo] [.] [.. up] [CamelCase x] [wiki:Foo x]",
    "report:1 query:status=new milestone:m1 source:trunk attachment:x:ticket:1 log:@1 diff:a//b",
    "&lt;b&gt; &amp; <script>alert(1)</script> <ticket:1>",
    "trailing backslash \\",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_reads_the_same(render: Callable[[str], str], line: str) -> None:
    """Nothing of it runs, nothing of it disappears, no `!` is left behind; only URLs and addresses are links."""
    html = render(neutral(line))
    assert words_of(html) == _BLANKS.sub(" ", line).strip()
    assert set(_LINK.findall(html)) <= {"ext-link", "mail-link"}
    assert not re.search(
        r"<(?:em|strong|h\d|table|ul|ol|dl|pre|code|script|hr|sup|sub|del|span class=\"underline)", html
    )


def test_urls_and_addresses_are_links(render: Callable[[str], str]) -> None:
    """What one may click on in a mail program."""
    html = render(neutral("see https://example.org/x?a=b#c, or write to ann@example.org"))
    assert 'href="https://example.org/x?a=b#c"' in html
    assert 'href="mailto:ann@example.org"' in html


def test_lines_stay_lines_and_paragraphs_stay_paragraphs(render: Callable[[str], str]) -> None:
    """Also where Trac joins lines."""
    html = render(broken(neutral("one\ntwo\n\nthree")))
    assert re.sub(r"\s+", "", html) == "<p>one<br/>two</p><p>three</p>"


def test_line_breaks_are_left_to_trac() -> None:
    """The text stays as clean as it came, also in the mails that Trac sends of it."""
    assert neutral("one\ntwo") == "one\ntwo"


def test_markup_is_not_broken() -> None:
    """Where Trac joins lines, those of lists, tables, headings and code have no need of marks."""
    text = "== A ==\none\ntwo\n\n * x\n * y\n\n{{{\na\nb\n}}}\n\n||a||\n||b||\n\n> q\n> r"
    assert broken(text) == text.replace("one", "one \\\\").replace("> q", "> q \\\\")


@pytest.mark.parametrize("end", ["> }}}", ">> }}}"])
def test_what_looks_like_the_end_of_a_block_is_code(end: str) -> None:
    """A block ends where its markup does; until then each line stands as it is."""
    text = f"{{{{{{\n{end}\nb\nc\n}}}}}}\nd"
    assert broken(text) == text
    assert broken(neutral(f"{end}\nb\n" + "&" * 4_000)).count("\\\\") == 0


def test_quotes_are_quotes(render: Callable[[str], str]) -> None:
    """The marks become Trac's citations; what is quoted does not run either."""
    html = render(neutral("> [[Timeline]] #12\n>> {{{\n>> #!html\n>> <b>\n>> }}}\nanswer"))
    assert html.count('<blockquote class="citation">') == 2
    assert "[[Timeline]] #12" in html
    assert "&lt;b&gt;" in html


def test_a_block_in_several_lines_does_not_run(render: Callable[[str], str]) -> None:
    """Processors are text."""
    html = render(neutral("{{{\n#!html\n<script>alert(1)</script>\n}}}"))
    assert "<pre" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("name", ["TracIni", "RecentChanges", "__x__", "ticket:1", "wiki:x", "HtMl"])
@pytest.mark.parametrize("before", ["{{{#", "{{{ #", "{{{\t#", "x\n{{{#", "> {{{#", " {{{#"])
def test_an_escape_makes_no_processor(render: Callable[[str], str], before: str, name: str) -> None:
    """Trac runs a macro for `{{{#!Name`, and `!` is what a name is escaped with."""
    html = render(neutral(f"{before}{name}\nrest"))
    assert "<pre" not in html
    assert "system-message" not in html
    assert words_of(html).split() == f"{before.replace('> ', '')}{name}\nrest".split()


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_no_line_break_is_overlooked(render: Callable[[str], str], separator: str) -> None:
    """Trac's formatter splits lines at more than line feeds: nothing hides behind them."""
    html = render(neutral(f"x{separator}{{{{{{{separator}#!html{separator}<b>x</b>{separator}}}}}}}"))
    assert "<pre" not in html
    assert "<b>" not in html


ALPHABET = st.sampled_from(
    [
        *"'*/_~,^{}`[]#!|\\=-<>&:;@.?()\" \t",
        "a",
        "B",
        "Cd",
        "12",
        "ticket",
        "wiki",
        "http://x.y",
        "r1",
        "äÖ",
        "[[",
        "{{{",
        "}}}",
        "]]",
        "||",
        "#!html",
        "Image(x)",
        "::",
        "'''",
    ]
)


@pytest.mark.slow
@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ALPHABET, max_size=14).map("".join))
def test_any_line_reads_the_same(render: Callable[[str], str], line: str) -> None:
    """Our rules are those of Trac's formatter: whatever is escaped, it takes the escape away again."""
    if line.strip().startswith(">") or re.fullmatch(r"\s*-{4,}\s*", line):
        return
    assert words_of(render(neutral(line))) == _BLANKS.sub(" ", line).strip()


@pytest.mark.parametrize(
    "unit", ["{{{", "[[", "`", "a:", "Aa", "a@", "[x", "'", "#", "a.", "|", "[a ", "=", "-", " ", "{1", "<a:", "\\"]
)
def test_hostile_text_takes_no_time(unit: str) -> None:
    """As much text as Trac takes into a ticket is made safe in less than two seconds."""
    started = time.process_time()
    neutral(unit * (262_144 // len(unit)))
    assert time.process_time() - started < 2


def test_lines_are_never_longer_than_trac_can_bear() -> None:
    """Trac's own rules are quadratic in the length of a line."""
    assert max(map(len, neutral("word " * 10_000).splitlines())) < 2 * escape.LINE


UNFIT = ("[\x01[TracIni]]", "{{{\x02\n#!html", "}}}\x00\n[[TracIni]]", "\ufdd2[[TracIni]]\ufdd4")


@pytest.mark.parametrize("written", [escape.neutral, formatter_cost.verbatim])
@pytest.mark.parametrize("text", UNFIT)
def test_nothing_is_left_to_be_taken_out(written: Callable[[str], str], text: str) -> None:
    """Who stores a text takes out control characters; plugins escape texts that nobody has looked at."""
    assert scrub(written(text)) == written(text)
    assert "\n[[" not in f"\n{escape.neutral(text)}"
