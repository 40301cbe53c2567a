"""The summary and the text of a ticket or a comment: docs/behaviour.md#text."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import ANN, STRANGER
from tests.builtin.handlers.handling import ANSWER, NEW, handled
from tests.fakes import FakeReader
from trac_mailintake.mail.message import Address

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Target


def test_a_summary_is_one_line() -> None:
    """Whatever a folded subject holds."""
    assert handled("create-or-comment", NEW, {"subject": " The\tprinter\n burns "}).summary == "The printer burns"


@given(st.text(st.sampled_from("abשל \u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")))
@settings(deadline=None)
def test_nothing_in_a_summary_changes_the_direction_of_text(text: str) -> None:
    """UAX #9, 2: neither in a subject nor in a first line; the letters stay."""
    kept = "".join(each for each in text if each in "abשל ")
    for mail in ({"subject": text, "text": ""}, {"subject": "", "text": text}):
        summary = handled("create-or-comment", NEW, mail).summary
        assert summary == (" ".join(kept.split()) or "(no subject)")
        assert not {unicodedata.bidirectional(each) for each in summary} & {"LRE", "RLE", "LRO", "RLO", "RLI", "LRI"}


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("\n \nIt burns.\nHelp!", "It burns."),
        ("> It burns.", "It burns."),
        ("word " * 100, "word " * 19 + "word…"),
        ("w" * 300, "w" * 100 + "…"),
        ("", "(no subject)"),
        ("---\n", "(no subject)"),
    ],
)
def test_without_a_subject_the_first_line_is_the_summary(text: str, summary: str) -> None:
    """Cut between words where there are any."""
    assert handled("create-or-comment", NEW, {"subject": " ", "text": text}).summary == summary


def test_without_a_subject_markup_is_no_summary() -> None:
    """An image, or the marks of a heading, say nothing."""
    mail = {"subject": "", "markup": True, "text": "[[Image(logo.png)]]\n== It burns ==\n"}
    assert handled("create-or-comment", NEW, mail).summary == "It burns"


def test_plain_text_does_not_run() -> None:
    """A stranger's macro, processor and CamelCase are words."""
    text = handled("create-or-comment", NEW, {"text": "[[TicketQuery]] CamelCase {{{#!html"}).text
    assert "[[TicketQuery]]" not in text.replace("![[TicketQuery]]", "")


def test_wiki_text_is_for_trusted_services() -> None:
    """It stays as it is."""
    assert (
        handled("create-or-comment", NEW, {"text": "[[TicketQuery]] '''now'''"}, text="wiki").text
        == "[[TicketQuery]] '''now'''"
    )


def test_text_from_html_is_wiki_text_already() -> None:
    """What was bold is bold."""
    assert handled("create-or-comment", NEW, {"text": "It '''burns'''.", "markup": True}).text == "It '''burns'''."


def test_verbatim_text_stands_in_a_block() -> None:
    """Whose processor nobody can choose."""
    change = handled("create-or-comment", NEW, {"text": "#!html\n<b>"}, text="verbatim")
    assert change.text == "{{{\n#!default\n#!html\n<b>\n}}}"


@pytest.mark.parametrize("line", ["}}}", "  }}}  ", "{{{", "{{{#!html", "\t{{{"])
@pytest.mark.parametrize("end", ["\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_nothing_escapes_a_verbatim_block(line: str, end: str) -> None:
    """Whatever Python, and so Trac, takes for the end of a line."""
    change = handled("create-or-comment", NEW, {"text": f"before{end}{line}{end}[[TicketQuery]]"}, text="verbatim")
    inner = change.text.splitlines()[1:-1]
    assert not [each for each in inner if each.strip() == "}}}" or each.lstrip().startswith("{{{")]
    assert change.text.splitlines()[-1] == "}}}"


@pytest.mark.parametrize("manner", ["plain", "verbatim", "wiki"])
def test_no_text_is_no_text(manner: str) -> None:
    """Not an empty block."""
    assert handled("create-or-comment", NEW, {"text": " \n"}, text=manner).text == ""


@pytest.mark.parametrize("target", [NEW, ANSWER])
def test_reporterusername_names_the_stranger_in_the_text(target: Target) -> None:
    """The From address is added at the end (reporterusername)."""
    acting = replace(STRANGER, username="helpdesk", author="helpdesk")
    text = handled("create-or-comment", target, sender=acting, reporterusername="helpdesk").text
    assert text.startswith("It burns.\n\n")
    assert text.endswith("ann@example.org>")


def test_a_known_user_is_not_named_again() -> None:
    """Nor is a stranger who is the reporter."""
    assert handled("create-or-comment", NEW, reporterusername="helpdesk").text == "It burns."
    assert handled("create-or-comment", NEW, sender=STRANGER).text == "It burns."


def test_several_authors_are_all_named() -> None:
    """None of them is proved."""
    bob = Address("", "bob@example.org")
    change = handled(
        "create-or-comment", NEW, {"authors": (ANN, bob), "author": None}, sender=STRANGER, reporterusername="helpdesk"
    )
    assert "ann@example.org" in change.text
    assert "bob@example.org" in change.text


def test_a_name_is_no_markup() -> None:
    """Names are as hostile as texts."""
    eve = Address("[[TicketQuery]]", "eve@example.org")
    change = handled(
        "create-or-comment", NEW, {"authors": (eve,), "author": eve}, sender=STRANGER, reporterusername="helpdesk"
    )
    assert "[[TicketQuery]]" not in change.text.replace("![[TicketQuery]]", "")


def test_lines_stay_lines_where_trac_joins_them() -> None:
    """`[wiki] preserve_newlines` is off; wiki text of a trusted sender is theirs."""
    joining = FakeReader(lines=False)
    mail = {"text": "one\ntwo"}
    assert handled("create-or-comment", NEW, mail).text == "one\ntwo"
    assert handled("create-or-comment", NEW, mail, reader=joining).text == "one \\\\\ntwo"
    assert handled("create-or-comment", NEW, mail, reader=joining, text="wiki").text == "one\ntwo"
