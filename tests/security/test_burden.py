"""What is filed costs Trac at most three times the processor time of prose of its length, and 20 ms."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest
import trac.ticket.query
import trac.ticket.report
import trac.ticket.roadmap
import trac.versioncontrol.web_ui
import trac.wiki.interwiki
import trac.wiki.macros
from trac.test import EnvironmentStub, MockRequest
from trac.web.chrome import web_context
from trac.wiki.formatter import format_to_html, format_to_oneliner

from tests.mail.spooled import read
from tests.security.patience import patience
from tests.security.tokens import WIKI
from trac_mailintake.builtin.handlers import ticket_text
from trac_mailintake.mail.wiki import escape, formatter_cost
from trac_mailintake.mail.wiki.truncate import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROVIDERS = (
    *(trac.ticket.query, trac.ticket.report, trac.ticket.roadmap, trac.versioncontrol.web_ui, trac.wiki.interwiki),
    trac.wiki.macros,
)
"""Loaded, so that their wiki syntax is in force."""
LENGTH: Final = 30_000
PROSE: Final = (
    "The printer in the hall on the second floor prints nothing since Monday, and nobody knows why that is.\n"
)
WIDTHS: Final = (1, 8, 72, 127, 950, LENGTH)
"""Characters of a line."""
HTML: Final = (
    "<h2>x</h2>",
    "<b>x</b> ",
    "<b>x<i>y</i></b> ",
    "<sup>x</sup>",
    "<code>x</code> ",
    "<pre>x</pre>",
    "<ul><li>x</li></ul>",
    "<p>x</p>",
    "x<br>",
    "<hr>",
    "<a href='http://a.example/'>x</a> ",
    "<a href='mailto:a@b.example'>x</a> ",
    "<td>x",
    "&lt;",
    "&amp;",
    "<blockquote>x</blockquote>y",
    "<blockquote>" * 50 + "x" + "</blockquote>" * 50,
    "<ul><li>" * 15 + "x" + "</ul>" * 15,
    "<p>" + "[" * 900 + "</p>",
    "<p>" + "a" * 4900 + "</p>",
    "<p>" + "./" * 9 + "</p>",
    "<p>" + "&gt;" * 40 + "x</p>",
    "a@b.example ",
    "<i>[</i>",
    "<dl><dt>x<dd>y</dl>",
    "http://a.example ",
    "<p>!</p><b>x</b>!",
    "|",
    "<u>x</u><s>y</s>",
    "<li>x",
    "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>",
)


@pytest.fixture(scope="module")
def trac_cost() -> Iterator[Callable[..., float]]:
    """The seconds of the processor that Trac takes for a wiki text in a ticket."""
    env = EnvironmentStub(enable=["trac.*"], default_data=True)
    context = web_context(MockRequest(env), "ticket", 1)

    def cost(text: str, *, as_line: bool = False) -> float:
        began = time.process_time()
        if as_line:
            str(format_to_oneliner(env, context, text, shorten=False))
        else:
            str(format_to_html(env, context, text, escape_newlines=True))
        return time.process_time() - began

    cost(PROSE)
    yield cost
    env.shutdown()


def bearable(cost: Callable[..., float], text: str, **how: bool) -> bool:
    """Whether it costs no more than three times what prose does, and 20 ms; asked again on a busy machine."""
    prose = (PROSE * (len(text) // len(PROSE) + 1))[: len(text)]
    with patience():
        return any(cost(text, **how) <= 3 * cost(prose, **how) + 0.02 for _ in range(4))


TOKENS: Final = tuple(dict.fromkeys("".join(token) for token in WIKI))


@pytest.mark.parametrize("token", TOKENS)
def test_plain_text_is_bearable(trac_cost: Callable[..., float], token: str) -> None:
    """In lines of any length; also where a timeline shows a comment, cut at nothing, as one line."""
    for width in WIDTHS:
        line = token * max(width // len(token), 1)
        text = escape.neutral("\n".join([line] * (LENGTH // (len(line) + 1) + 1)))
        assert bearable(trac_cost, text)
        assert bearable(trac_cost, text, as_line=True)


@pytest.mark.parametrize("unit", HTML)
def test_html_is_bearable(trac_cost: Callable[..., float], tmp_path: Path, unit: str) -> None:
    """What its tags become, and what is written in their stead when they would be too many."""
    message = read(tmp_path, "Content-Type: text/html; charset=utf-8\n\n" + unit * (LENGTH // len(unit)))
    assert message.text.strip() or unit == "<hr>"
    assert bearable(trac_cost, ticket_text.body(message, message.text, manner="plain"))


@pytest.mark.parametrize("kind", ["html", "plain"])
def test_many_bearable_texts_are_bearable(trac_cost: Callable[..., float], tmp_path: Path, kind: str) -> None:
    """A mail of many texts gets the 20 ms once."""
    leaf = f"--b\nContent-Type: text/{kind}\n\n{'&amp;' if kind == 'html' else ''}{'&' * 800}\n"
    html = "--b\nContent-Type: text/html\n\n<b>x</b>\n"
    message = read(tmp_path, "Content-Type: multipart/mixed; boundary=b\n\n" + html + leaf * 60 + "--b--\n")
    assert message.markup
    assert message.text.count("&") >= 800 * 60
    assert bearable(trac_cost, message.text)


def test_twenty_quote_marks_are_markup() -> None:
    """The rest are shown as text, whatever blanks are between them."""
    for blank in ("", " ", "\t", "\u00a0"):
        text = formatter_cost.shallow(f">{blank}" * 50 + "x")
        assert (
            text.index(formatter_cost.MARK) == text.replace(blank, "").index(formatter_cost.MARK) * (1 + len(blank)) / 1
        )
        assert text.replace(formatter_cost.MARK, "") == f">{blank}" * 50 + "x"
    assert formatter_cost.shallow(">" * 20 + "x") == ">" * 20 + "x"


@pytest.mark.parametrize(
    "text",
    [
        PROSE * 2_000,
        "> a quote\n" * 10_000,
        ">" * 15 + " a long thread\n",
        "\n".join("-" * 70 for _ in range(500)),
        "2026-11-02 10:00:00,000 [main] INFO org.example.Main - started in 1.2 s, see /var/log/x.log\n" * 3_000,
        "\n".join(f"    if (list[{n}] != other[{n}]) {{ return call({n}, 'x'); }}" for n in range(300)),
        "Ann Example <ann@example.org>, Bob Example <bob@example.org>\n" * 80,
        "https://example.org/a/long/path?with=a&few=parameters#and-more of it in a sentence or two.\n" * 500,
        "<item id='1'><name>A name of some length</name><price>12.50</price></item>\n" * 200,
        "../../../../src/main.c: No such file or directory\n" * 500,
        "\n".join(f"{'x' * 76}" for _ in range(500)),
    ],
)
def test_what_people_write_is_no_block(text: str) -> None:
    """Prose, threads, logs, programs, lists of addresses and links, base64: links stay links, quotes quotes."""
    assert not escape.neutral(text).startswith("{{{")


def test_a_block_that_is_cut_ends() -> None:
    """So that what is said of the cut stands below it."""
    block = formatter_cost.verbatim("[" * 1_000 + "\n" + "x" * 1_000)
    assert cut(block, 500).endswith("\n}}}")
    assert len(cut(block, 500)) <= 500
    assert cut("words " * 100, 50) == ("words " * 100)[:50].rstrip()


@pytest.mark.parametrize("end", ["\n", "\u2028", " \n", "\x0b", "\n\u00a0\n"])
@pytest.mark.parametrize("first", ["", "x\n", "}}}\n", " }}}\n", PROSE * 300])
def test_blank_lines_are_bearable(trac_cost: Callable[..., float], first: str, end: str) -> None:
    """Also where they come to stand in one line, behind what Trac leaves out of it."""
    for lines in (1_400, 4_000, 10_000):
        text = escape.neutral(first + end * lines + "x")
        assert bearable(trac_cost, text, as_line=True)
        assert bearable(trac_cost, text)


def test_closed_blocks_of_html_are_bearable(trac_cost: Callable[..., float], tmp_path: Path) -> None:
    """The same, of paragraphs that look like the end of a block."""
    message = read(tmp_path, "Content-Type: text/html; charset=utf-8\n\n" + "<p>}}}</p>" * 1_400 + "<p>x</p>")
    assert message.text.rstrip().endswith("x")
    assert bearable(trac_cost, message.text, as_line=True)
