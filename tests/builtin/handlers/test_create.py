"""A ticket of every mail."""

from __future__ import annotations

from tests.builtin.handlers.handling import ANSWER, NEW, REPLY, handled
from trac_mailintake.intake.model import NewTicket


def test_every_mail_becomes_a_ticket() -> None:
    """As with the handler that comments, too."""
    change = handled("create", NEW, component="printers")
    assert (change.target, change.summary, change.text) == (NEW, "The printer burns", "It burns.")
    assert change.fields == {"component": "printers"}


def test_an_answer_becomes_a_ticket_that_links_to_the_other() -> None:
    """Its quotes are kept, since the new ticket has nothing else."""
    change = handled("create", ANSWER, {"text": REPLY})
    assert isinstance(change.target, NewTicket)
    assert (change.target.rule, change.target.related) == ("create", 12)
    assert "Does it burn?" in change.text
    assert change.text.endswith("Related to #12.")
