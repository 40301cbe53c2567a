"""Comments without quotes and signatures."""

from __future__ import annotations

from tests.builtin.handlers.handling import ANSWER, NEW, REPLY, asked, handled
from trac_mailintake.intake.model import Forward, Hold


def test_quotes_are_cut() -> None:
    """And kept for the journal."""
    change = handled("comment-unquoted", ANSWER, {"text": REPLY})
    assert change.text == "Yes, it does."
    assert "Does it burn?" in change.removed


def test_a_signature_is_cut_as_well() -> None:
    """What is left is what somebody wrote."""
    change = handled("comment-unquoted", ANSWER, {"text": "It burns.\n\n-- \nAnn\n"})
    assert (change.text, "Ann" in change.removed) == ("It burns.", True)


def test_if_all_is_quoted_all_is_kept() -> None:
    """Never an empty comment."""
    change = handled("comment-unquoted", ANSWER, {"text": "> It burns."})
    assert (change.text, change.removed) == ("> It burns.", "")


def test_without_a_ticket_there_is_no_comment() -> None:
    """Held, or forwarded to who looks at it."""
    assert isinstance(asked("comment-unquoted", NEW), Hold)
    assert isinstance(asked("comment-unquoted", NEW, forward="boss@example.org"), Forward)
