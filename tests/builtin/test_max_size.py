"""Mail over `max_size` (docs/behaviour.md#too-large)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, context, delivery, message
from trac_mailintake.builtin import max_size
from trac_mailintake.intake.model import Forward, Hold, Listed

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Objection


@pytest.mark.parametrize(
    ("oversize", "forward", "verdict"),
    [("hold", "", Hold), ("forward", "admin@example.org", Forward), ("forward", "", Hold)],
)
def test_oversize_says_what_is_done(oversize: str, forward: str, verdict: type[Objection]) -> None:
    """Where there is nowhere to forward it to, it is held."""
    there = context(forward=forward, max_size="1k", oversize=oversize)
    objection = max_size.mailintake_screen(message(size=1025), DELIVERY, there)
    assert isinstance(objection, verdict)
    assert "1025" in objection.reason
    assert "1024" in objection.reason


def test_a_mail_of_exactly_that_size_is_taken() -> None:
    """The limit is what is still allowed."""
    assert max_size.mailintake_screen(message(size=1024), DELIVERY, context(max_size="1k", oversize="hold")) is None


def test_what_the_mail_server_says_of_the_size_counts_too() -> None:
    """Of a large mail only the beginning may have been fetched."""
    listed = delivery(listed=Listed("1", "1", size=2048))
    assert max_size.mailintake_screen(message(size=100), listed, context(max_size="1k", oversize="hold")) is not None


def test_to_file_it_without_attachments_is_no_objection() -> None:
    """What is left out, the handler says in the ticket."""
    assert max_size.mailintake_screen(message(size=4096), DELIVERY, context(max_size="1k")) is None


def test_there_is_no_limit_unless_one_is_set() -> None:
    """0 is none."""
    assert max_size.mailintake_screen(message(size=10**9), DELIVERY, context(oversize="hold")) is None
