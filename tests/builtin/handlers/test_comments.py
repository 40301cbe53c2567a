"""Handlers that only comment: the whole text, without quotes, or up to a pattern."""

from __future__ import annotations

import logging

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


def test_quotes_are_cut() -> None:
    """And kept for the journal."""
    change = handled("comment-unquoted", ANSWER, {"text": REPLY})
    assert change.text == "Yes, it does."
    assert "Does it burn?" in change.removed


@pytest.mark.parametrize("typed", ["/-----Original Message-----|^From:/", "-+Original", "/-+original message/i"])
def test_the_text_before_the_pattern_is_kept(typed: str) -> None:
    """In Perl's notation, as JIRA had it, or bare."""
    change = handled("comment-regex", ANSWER, {"text": OUTLOOK}, splitregex=typed)
    assert change.text == "Yes, it does."
    assert change.removed.startswith("-----Original Message-----")


@pytest.mark.parametrize(
    ("typed", "text"), [("", REPLY), ("/nowhere/", REPLY), ("/Yes/", REPLY), ("/From:/", "\n \nFrom: Bob\nWell.")]
)
def test_a_comment_is_never_empty(typed: str, text: str) -> None:
    """Without a pattern, or when nothing stands before its match, all is kept."""
    change = handled("comment-regex", ANSWER, {"text": text}, splitregex=typed, text="wiki")
    assert change.text == text
    assert change.removed == ""


def test_a_pattern_that_takes_too_long_cuts_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the mail, so that the pattern can be mended."""
    text = "word " * 40 + "!"
    with caplog.at_level(logging.WARNING):
        change = handled("comment-regex", ANSWER, {"text": text}, splitregex=r"/^(\w|\w\w|\s)*x?$/")
    assert change.text == text
    assert "<one@example.org>" in caplog.text


def test_a_pattern_with_a_mistake_is_refused_on_save() -> None:
    """With what is wrong."""
    with pytest.raises(SettingError, match=r"splitregex=/\(/.*missing"):
        asked("comment-regex", ANSWER, splitregex="/(/")
