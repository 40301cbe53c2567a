"""`require_subject` (docs/behaviour.md#subject)."""

from __future__ import annotations

from tests.builders import context, message
from trac_mailintake.builtin import require_subject
from trac_mailintake.intake.model import Forward, Hold


def test_a_mail_without_a_subject_is_taken() -> None:
    """Unless the service says otherwise."""
    assert require_subject.mailintake_screen(message(subject=""), context()) is None


def test_jiras_refusal_can_be_had_back() -> None:
    """Blanks are no subject."""
    there = context(forward="admin@example.org", require_subject="true")
    assert require_subject.mailintake_screen(message(subject=" \t"), there) == Forward(
        "require-subject", "The mail has no subject."
    )


def test_without_a_forward_address_it_is_held() -> None:
    """Nothing is lost."""
    assert isinstance(require_subject.mailintake_screen(message(subject=""), context(require_subject="true")), Hold)


def test_a_mail_with_a_subject_is_taken() -> None:
    """Whatever it says."""
    assert require_subject.mailintake_screen(message(subject="?"), context(require_subject="true")) is None
