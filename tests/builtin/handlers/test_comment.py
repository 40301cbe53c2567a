"""Handlers that only comment: the whole text, without quotes, or up to a pattern."""

from __future__ import annotations

import pytest

from tests.builtin.handlers.handling import ANSWER, NEW, REPLY, asked, handled
from trac_mailintake.intake.model import Forward, Hold, NewTicket, Reopen
from trac_mailintake.intake.settings import SettingError

COMMENTING = ("comment", "comment-unquoted", "comment-regex")
OUTLOOK = "Yes, it does.\n\n-----Original Message-----\nFrom: Bob\nDoes it burn?\n"


@pytest.mark.parametrize("name", COMMENTING)
def test_without_a_ticket_there_is_nothing_to_comment_on(name: str) -> None:
    """Forwarded where somebody is named who looks at it, else held; never a ticket, never lost."""
    objection = asked(name, NEW)
    assert isinstance(objection, Hold)
    assert (objection.rule, NEW.reason in objection.reason, name in objection.reason) == ("no-ticket", True, True)
    assert isinstance(asked(name, NEW, forward="boss@example.org"), Forward)
    stranger = NewTicket("stranger", "The subject names ticket 12. Ann is not involved.", related=12)
    assert "not involved" in str(asked(name, stranger))


@pytest.mark.parametrize("name", COMMENTING)
def test_a_comment_changes_no_field_but_may_reopen(name: str) -> None:
    """As `closed` says."""
    change = handled(name, ANSWER)
    assert (change.target, change.text, change.summary, change.fields) == (ANSWER, "It burns.", "", {})
    assert change.reopen is Reopen.IF_ALLOWED
    assert handled(name, ANSWER, closed="comment").reopen is Reopen.NEVER


@pytest.mark.parametrize("name", COMMENTING)
def test_what_makes_tickets_cannot_be_told_to_a_handler_that_makes_none(name: str) -> None:
    """On save, so that nobody waits for it."""
    with pytest.raises(SettingError, match="component"):
        asked(name, ANSWER, component="printers")
    with pytest.raises(SettingError, match="ccassignee"):
        asked(name, ANSWER, ccassignee="true")
    with pytest.raises(SettingError, match="closed"):
        asked(name, ANSWER, closed="new")


def test_the_full_text_is_kept() -> None:
    """Quotes and all."""
    change = handled("comment", ANSWER, {"text": REPLY})
    assert "Does it burn?" in change.text
    assert change.removed == ""
