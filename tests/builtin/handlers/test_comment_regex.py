"""Comments with the text before a pattern."""

from __future__ import annotations

import logging

import pytest

from tests.builtin.handlers.handling import ANSWER, NEW, REPLY, asked, handled
from trac_mailintake.intake.model import Hold
from trac_mailintake.intake.settings import SettingError

OUTLOOK = "Yes, it does.\n\n-----Original Message-----\nFrom: Bob\nDoes it burn?\n"


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


@pytest.mark.slow
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


def test_a_block_of_code_that_is_cut_ends() -> None:
    """In wiki text from HTML; else what Trac adds below would be code."""
    mail = {"text": "{{{\ncode\nFrom: Bob\nold\n}}}", "markup": True}
    change = handled("comment-regex", ANSWER, mail, splitregex="/^From:/m")
    assert (change.text, change.removed) == ("{{{\ncode\n}}}", "From: Bob\nold\n}}}")


def test_without_a_ticket_there_is_no_comment() -> None:
    """Whatever the pattern is."""
    assert isinstance(asked("comment-regex", NEW, splitregex="/x/"), Hold)
