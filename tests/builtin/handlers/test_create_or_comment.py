"""What a mail becomes: a ticket or a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import MEMBER, message, service
from tests.fakes import FakeReader
from trac_mailintake.builtin.handlers.create_or_comment import handle
from trac_mailintake.hookspecs import Context
from trac_mailintake.intake.model import Followup, NewTicket, Proof

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


def test_first_mails_keep_their_quotes() -> None:
    """A forwarded mail is the report."""
    change = handled(NEW, {"text": REPLY})
    assert "Does it burn?" in change.text
    assert change.removed == ""


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


def test_what_is_no_target_becomes_nothing() -> None:
    """An error that names it, and never a ticket by mistake."""
    with pytest.raises(AssertionError, match="nowhere"):
        handled("nowhere")  # type: ignore[arg-type]  # what no rule may answer
