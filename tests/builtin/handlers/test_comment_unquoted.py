"""Comments without quotes and signatures."""

from __future__ import annotations

import pytest

from tests.builtin.handlers.handling import ANSWER, NEW, REPLY, asked, handled
from trac_mailintake.builtin.handlers import build_change
from trac_mailintake.intake.model import Forward, Hold
from trac_mailintake.mail.reply.new_text import Cut
from trac_mailintake.mail.reply.weigh import Why


def test_quotes_are_cut() -> None:
    """And kept for the journal."""
    change = handled("comment-unquoted", ANSWER, {"text": REPLY})
    assert change.text == "Yes, it does."
    assert "Does it burn?" in change.removed


def test_a_signature_is_cut_as_well() -> None:
    """What is left is what somebody wrote."""
    change = handled("comment-unquoted", ANSWER, {"text": "It burns.\n\n-- \nAnn\n"})
    assert (change.text, "Ann" in change.removed) == ("It burns.", True)


def test_the_trail_says_why() -> None:
    """One sentence for each kind of evidence."""
    quote = "On 2 Mar 2026, at 10:15, Bob <bob@example.org> wrote:\n> Does it burn?\n> Really?"
    text = f"It burns.\n\nSent from my iPhone\n\n{quote}"
    change = handled("comment-unquoted", ANSWER, {"text": text})
    assert {reason.sentence for reason in change.because} == {
        "Lines that a phone or an app added, not in the comment: 1",
        "Lines from one on that says who wrote what is quoted, or when, not in the comment: 1",
        "Lines with quote marks that are not in the comment: 2",
    }
    assert handled("comment-unquoted", ANSWER, {"text": "It burns."}).because == ()


@pytest.mark.parametrize("why", Why)
def test_there_is_a_sentence_for_each_reason(why: Why) -> None:
    """None says what another says."""
    cut = Cut("It burns.", "x\ny", {why: 2})
    sentences = [build_change.why_cut(Cut("", "", {each: 2}))[0].sentence for each in Why]
    assert sentences.count(build_change.why_cut(cut)[0].sentence) == 1


def test_if_all_is_quoted_all_is_kept() -> None:
    """Never an empty comment."""
    change = handled("comment-unquoted", ANSWER, {"text": "> It burns."})
    assert (change.text, change.removed) == ("> It burns.", "")


def test_without_a_ticket_there_is_no_comment() -> None:
    """Held, or forwarded to who looks at it."""
    assert isinstance(asked("comment-unquoted", NEW), Hold)
    assert isinstance(asked("comment-unquoted", NEW, forward="boss@example.org"), Forward)
