"""Notifications that the outgoing server refuses for good, and those that cannot be sent for a week."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import new_ticket
from tests.tracker.outgoing.test_ticket_notifications import reason, take
from trac_mailintake.tracker.outgoing.notify import announce

if TYPE_CHECKING:
    from tests.servers.smtp_sink import SmtpSink
    from tests.tracker.conftest import Desk


@pytest.mark.parametrize("data", [False, True])
def test_what_is_refused_for_good_is_given_up_and_the_journal_says_so(
    office: Desk,
    smtp_sink: SmtpSink,
    data: bool,  # noqa: FBT001 - whether the recipients are refused, or the mail
) -> None:
    """RFC 5321, 4.2.1: an answer that begins with 5 would be the same the next time."""
    if data:
        smtp_sink.answer = "554 5.7.1 no\x1b[31m spam"
    else:
        smtp_sink.refused["staff@example.org"] = "550 5.1.1 unknown"
    filed = take(office, new_ticket())
    assert reason(office, filed).startswith("As asked. Its notification was given up: the outgoing server refused it: ")
    assert ("no [31m spam" if data else "staff@example.org 550 5.1.1 unknown") in reason(office, filed)
    assert smtp_sink.sent == []


@pytest.mark.parametrize("answer", ["451 later", "452 no room"])
def test_one_recipient_who_may_be_known_later_keeps_it_owed(office: Desk, smtp_sink: SmtpSink, answer: str) -> None:
    """Though the other one is refused for good."""
    office.trac.set(("notification", "smtp_always_cc", "staff@example.org, boss@example.org"))
    smtp_sink.refused.update({"staff@example.org": "550 unknown", "boss@example.org": answer})
    filed = take(office, new_ticket(), told=False)
    assert not announce(office.trac.env, filed)
    assert reason(office, filed) == "As asked."
