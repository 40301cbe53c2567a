"""What a mail becomes: a ticket or a comment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import ANN, MEMBER, STRANGER, message, service
from tests.fakes import FakeReader
from trac_mailintake.builtin.handlers.create_or_comment import handle
from trac_mailintake.hookspecs import Context
from trac_mailintake.intake.model import Followup, NewTicket, Proof, Reopen
from trac_mailintake.mail.message import Address, Origin

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Change, Sender, Target

NEW = NewTicket("new", "It names no ticket.")
ANSWER = Followup(12, "subject", "The subject names ticket 12.", Proof.SUBJECT)
REPLY = "Yes, it does.\n\nOn Mon, 2 Feb 2026 at 10:00, Bob <bob@example.org> wrote:\n> Does it burn?\n"


def handled(target: Target, mail: dict[str, Any] | None = None, sender: Sender = MEMBER, **typed: str) -> Change:
    """What becomes of a mail."""
    return handle(message(**(mail or {})), target, Context(service(**typed), FakeReader(), sender))


# new tickets


def test_a_mail_becomes_a_ticket() -> None:
    """Subject and text, by its sender."""
    change = handled(NEW)
    assert (change.target, change.sender, change.summary, change.text) == (
        NEW,
        MEMBER,
        "The printer burns",
        "It burns.",
    )
    assert (change.fields, change.quiet, change.removed) == ({}, False, "")


def test_a_summary_is_one_line() -> None:
    """Whatever a folded subject holds."""
    assert handled(NEW, {"subject": " The\tprinter\n burns "}).summary == "The printer burns"


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
    assert handled(NEW, {"subject": " ", "text": text}).summary == summary


def test_without_a_subject_markup_is_no_summary() -> None:
    """An image, or the marks of a heading, say nothing."""
    mail = {"subject": "", "markup": True, "text": "[[Image(logo.png)]]\n== It burns ==\n"}
    assert handled(NEW, mail).summary == "It burns"


def test_first_mails_keep_their_quotes() -> None:
    """A forwarded mail is the report."""
    change = handled(NEW, {"text": REPLY})
    assert "Does it burn?" in change.text
    assert change.removed == ""


def test_presets_are_set() -> None:
    """Those that are not empty."""
    change = handled(NEW, component="printers", owner="bob", keywords="fire, smoke", type="incident")
    assert change.fields == {"component": "printers", "owner": "bob", "keywords": "fire, smoke", "type": "incident"}


def test_jiras_issuetype_is_a_type() -> None:
    """A number, which the tracker looks up; a type by name comes before it."""
    assert handled(NEW, issuetype="1").fields == {"type": "1"}
    assert handled(NEW, issuetype="1", type="task").fields == {"type": "task"}


@pytest.mark.parametrize(
    ("target", "note"),
    [
        (NewTicket("stranger", "", related=12, note="See #12, please."), "See #12, please."),
        (NewTicket("deleted-ticket", "", note="It is gone."), "It is gone."),
        (NewTicket("other", "", related=12), "Related to #12."),
    ],
)
def test_a_new_ticket_says_why_it_is_one(target: NewTicket, note: str) -> None:
    """After what the sender wrote; the number is a link."""
    assert handled(target).text == f"It burns.\n\n{note}"


# comments


def test_a_mail_becomes_a_comment() -> None:
    """It has no summary, and changes no field of the ticket."""
    change = handled(ANSWER, component="printers")
    assert (change.target, change.text, change.summary, change.fields) == (ANSWER, "It burns.", "", {})


def test_quotes_are_cut_from_comments() -> None:
    """What was cut is kept for the original's link."""
    change = handled(ANSWER, {"text": REPLY})
    assert change.text.strip() == "Yes, it does."
    assert "Does it burn?" in change.removed


def test_quotes_can_be_kept() -> None:
    """`stripquotes=false`."""
    change = handled(ANSWER, {"text": REPLY}, stripquotes="false")
    assert "Does it burn?" in change.text
    assert change.removed == ""


@pytest.mark.parametrize(
    ("closed", "reopen"), [("reopen", Reopen.IF_ALLOWED), ("comment", Reopen.NEVER), ("new", Reopen.NEVER)]
)
def test_closed_says_whether_a_comment_reopens(closed: str, reopen: Reopen) -> None:
    """When the workflow offers it to the sender."""
    assert handled(ANSWER, closed=closed).reopen is reopen


@pytest.mark.parametrize("origin", [Origin.RESPONDER, Origin.REPORT])
def test_a_vacation_note_or_a_bounce_neither_reopens_nor_notifies(origin: Origin) -> None:
    """Otherwise two machines write to one another."""
    change = handled(ANSWER, {"origin": origin}, bulk="accept")
    assert change.quiet
    assert change.reopen is Reopen.NEVER


@pytest.mark.parametrize("origin", [Origin.PERSON, Origin.LIST, Origin.BULK])
def test_other_comments_notify(origin: Origin) -> None:
    """People wait for them."""
    assert not handled(ANSWER, {"origin": origin}, bulk="accept").quiet


def test_a_machines_new_ticket_notifies() -> None:
    """That is what monitoring is for."""
    assert not handled(NEW, {"origin": Origin.RESPONDER}, bulk="accept").quiet


# text


def test_plain_text_does_not_run() -> None:
    """A stranger's macro, processor and CamelCase are words."""
    text = handled(NEW, {"text": "[[TicketQuery]] CamelCase {{{#!html"}).text
    assert "[[TicketQuery]]" not in text.replace("![[TicketQuery]]", "")


def test_wiki_text_is_for_trusted_services() -> None:
    """It stays as it is."""
    assert handled(NEW, {"text": "[[TicketQuery]] '''now'''"}, text="wiki").text == "[[TicketQuery]] '''now'''"


def test_text_from_html_is_wiki_text_already() -> None:
    """What was bold is bold."""
    assert handled(NEW, {"text": "It '''burns'''.", "markup": True}).text == "It '''burns'''."


def test_verbatim_text_stands_in_a_block() -> None:
    """Whose processor nobody can choose."""
    change = handled(NEW, {"text": "#!html\n<b>"}, text="verbatim")
    assert change.text == "{{{\n#!default\n#!html\n<b>\n}}}"


@pytest.mark.parametrize("line", ["}}}", "  }}}  ", "{{{", "{{{#!html", "\t{{{"])
@pytest.mark.parametrize("end", ["\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_nothing_escapes_a_verbatim_block(line: str, end: str) -> None:
    """Whatever Python, and so Trac, takes for the end of a line."""
    change = handled(NEW, {"text": f"before{end}{line}{end}[[TicketQuery]]"}, text="verbatim")
    inner = change.text.splitlines()[1:-1]
    assert not [each for each in inner if each.strip() == "}}}" or each.lstrip().startswith("{{{")]
    assert change.text.splitlines()[-1] == "}}}"


@pytest.mark.parametrize("manner", ["plain", "verbatim", "wiki"])
def test_no_text_is_no_text(manner: str) -> None:
    """Not an empty block."""
    assert handled(NEW, {"text": " \n"}, text=manner).text == ""


# who wrote


@pytest.mark.parametrize("target", [NEW, ANSWER])
def test_reporterusername_names_the_stranger_in_the_text(target: Target) -> None:
    """The From address is added at the end (reporterusername)."""
    acting = replace(STRANGER, username="helpdesk", author="helpdesk")
    text = handled(target, sender=acting, reporterusername="helpdesk").text
    assert text.startswith("It burns.\n\n")
    assert text.endswith("ann@example.org>")


def test_a_known_user_is_not_named_again() -> None:
    """Nor is a stranger who is the reporter."""
    assert handled(NEW, reporterusername="helpdesk").text == "It burns."
    assert handled(NEW, sender=STRANGER).text == "It burns."


def test_several_authors_are_all_named() -> None:
    """None of them is proved."""
    bob = Address("", "bob@example.org")
    change = handled(NEW, {"authors": (ANN, bob), "author": None}, STRANGER, reporterusername="helpdesk")
    assert "ann@example.org" in change.text
    assert "bob@example.org" in change.text


def test_a_name_is_no_markup() -> None:
    """Names are as hostile as texts."""
    eve = Address("[[TicketQuery]]", "eve@example.org")
    change = handled(NEW, {"authors": (eve,), "author": eve}, STRANGER, reporterusername="helpdesk")
    assert "[[TicketQuery]]" not in change.text.replace("![[TicketQuery]]", "")
