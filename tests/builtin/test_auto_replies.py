"""What a service does with automatic mail (docs/behaviour.md#automatic-mail)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import context, message, part
from tests.fakes import FakeReader
from trac_mailintake.builtin import auto_replies
from trac_mailintake.intake.model import Discard, Forward, Hold, Ignore
from trac_mailintake.mail.message import Origin

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.intake.model import Objection

MACHINES = (Origin.RESPONDER, Origin.REPORT, Origin.BULK)


def test_a_persons_mail_is_taken() -> None:
    """Whatever is done with automatic mail."""
    assert auto_replies.mailintake_screen(message(), context(bulk="delete")) is None


@pytest.mark.parametrize("origin", MACHINES)
def test_unset_means_forward_where_there_is_an_address(origin: Origin) -> None:
    """JIRA's default, to process it, loops on notifications."""
    objection = auto_replies.mailintake_screen(message(origin=origin), context(forward="admin@example.org"))
    assert isinstance(objection, Forward)


@pytest.mark.parametrize("origin", MACHINES)
def test_unset_means_hold_without_a_forward_address(origin: Origin) -> None:
    """Nothing is lost, and nothing goes round in circles."""
    assert isinstance(auto_replies.mailintake_screen(message(origin=origin), context()), Hold)


@pytest.mark.parametrize(
    ("bulk", "verdict"), [("hold", Hold), ("forward", Forward), ("ignore", Ignore), ("delete", Discard)]
)
def test_bulk_says_what_is_done(bulk: str, verdict: type[Objection]) -> None:
    """Each word of the parameter is one verdict."""
    there = context(forward="admin@example.org", bulk=bulk)
    assert isinstance(auto_replies.mailintake_screen(message(origin=Origin.BULK), there), verdict)


def test_bulk_accept_lets_it_in() -> None:
    """A service for monitoring wants nothing else."""
    assert auto_replies.mailintake_screen(message(origin=Origin.RESPONDER), context(bulk="accept")) is None


@pytest.mark.parametrize("name", ["X-Trac-Version", "x-trac-ticket-id", "X-TRAC-ANYTHING"])
@pytest.mark.parametrize("origin", MACHINES)
def test_mail_of_a_trac_is_let_in_by_nothing(origin: Origin, name: str) -> None:
    """With `bulk=accept` it is held; whoever ignores or deletes such mail ignores or deletes it, too."""
    mail = message(origin=origin, fields=((name, "1"),))
    assert isinstance(auto_replies.mailintake_screen(mail, context(bulk="accept")), Hold)
    assert isinstance(auto_replies.mailintake_screen(mail, context(bulk="ignore")), Ignore)


def test_forward_without_an_address_holds() -> None:
    """The forward address may have been taken away since."""
    there = context(bulk="forward")
    assert isinstance(auto_replies.mailintake_screen(message(origin=Origin.BULK), there), Hold)


def test_ignored_automatic_mail_does_not_silence_other_rules() -> None:
    """Only what is not for us ends the matter."""
    objection = auto_replies.mailintake_screen(message(origin=Origin.BULK), context(bulk="ignore"))
    assert isinstance(objection, Ignore)
    assert not objection.decisive


def test_a_mailing_list_is_taken() -> None:
    """A person wrote it."""
    assert auto_replies.mailintake_screen(message(origin=Origin.LIST), context(bulk="delete")) is None


def test_a_mailing_list_can_count_as_bulk() -> None:
    """`lists=bulk`: then `bulk` says what is done."""
    there = context(lists="bulk", bulk="ignore")
    assert isinstance(auto_replies.mailintake_screen(message(origin=Origin.LIST), there), Ignore)


@pytest.mark.parametrize(
    ("origin", "rule"),
    [
        (Origin.RESPONDER, "auto-reply"),
        (Origin.REPORT, "bounce"),
        (Origin.BULK, "bulk"),
    ],
)
def test_the_journal_tells_what_kind_it_was_and_why(origin: Origin, rule: str) -> None:
    """The rule names the kind, the reason the header that gave it away."""
    mail = message(origin=origin, origin_reason="Precedence is bulk.")
    objection = auto_replies.mailintake_screen(mail, context())
    assert objection == Hold(rule, "Precedence is bulk.")


@pytest.mark.parametrize("encoding", ["7bit", "base64"])
def test_a_bounce_is_matched_to_its_ticket(tmp_path: Path, encoding: str) -> None:
    """By the Message-ID of our mail, which the bounce encloses."""
    reader = FakeReader()
    reader.know("<00012.ab@trac>", 12, outgoing=True)
    head = b"From: trac@example.org\r\nmessage-id:\r\n <00012.ab@trac>\r\n\r\nMessage-ID: <other@trac>\r\n"
    if encoding == "base64":
        head = b"RnJvbTogdHJhY0BleGFtcGxlLm9yZw0KbWVzc2FnZS1pZDoNCiA8MDAwMTIuYWJAdHJhYz4NCg0KDQo=\r\n"
    enclosed = part(tmp_path, "mail.eml", head, content_type="message/rfc822", encoding=encoding)
    objection = auto_replies.mailintake_screen(
        message(origin=Origin.REPORT, origin_reason="It is a report.", parts=(enclosed,)), context(reader)
    )
    assert objection == Hold("bounce", "It is a report. It returns what was sent for ticket 12.")


def test_a_bounce_that_quotes_our_mail_is_matched_too() -> None:
    """Not every mail server knows RFC 3464."""
    reader = FakeReader()
    reader.know("<00012.ab@trac>", 12, outgoing=True)
    text = "I'm afraid I wasn't able to deliver your message.\n\nMessage-ID: <00012.ab@trac>\n"
    objection = auto_replies.mailintake_screen(message(origin=Origin.REPORT, text=text), context(reader))
    assert objection is not None
    assert "ticket 12" in objection.reason


def test_a_bounce_of_somebody_elses_mail_is_matched_to_nothing() -> None:
    """An id that was filed was not sent by us."""
    reader = FakeReader()
    reader.know("<in@example.org>", 12)
    objection = auto_replies.mailintake_screen(
        message(origin=Origin.REPORT, text="Message-ID: <in@example.org>"), context(reader)
    )
    assert objection is not None
    assert "ticket" not in objection.reason
