"""Which ticket a Message-ID leads to if mails with it are in several: the one by a sender or recipient of the mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders import ANN, SUPPORT
from tests.builtin.test_follow_up import number, route
from tests.fakes import FakeReader
from trac_mailintake.intake.model import Filing, NewTicket
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Address


@pytest.fixture
def reader() -> FakeReader:
    """Tickets 12, 13 and 14, in all of which Ann is involved."""
    tracker = FakeReader()
    for each in (12, 13, 14):
        tracker.add(each, ANN.spec)
    return tracker


CAROL = Address("Carol", "carol@a.example")
WHEN = datetime(2026, 11, 2, 10, tzinfo=UTC)


def filing(ticket: int, author: str = mailbox_key(CAROL.spec), message_id: str = "<a@x>", **more: Any) -> Filing:  # noqa: ANN401 - fields of Filing
    """A mail that was filed by another service, unproved."""
    return replace(Filing(message_id, ticket, "other", author, proved=False, filed=WHEN), **more)


@pytest.mark.parametrize("people", [{"author": CAROL}, {"to": (SUPPORT, CAROL)}, {"cc": (CAROL,)}, {"bcc": (CAROL,)}])
def test_a_contested_id_leads_to_mail_by_the_replys_people(reader: FakeReader, people: dict[str, Any]) -> None:
    """To the ticket that holds a mail of theirs, whichever was filed first."""
    for tickets in ((13, 12), (12, 13)):
        tracker = replace(reader, ids={}, filed=[])
        tracker.file(
            *(filing(each, mailbox_key(CAROL.spec) if each == 12 else "mallory@evil.example") for each in tickets)
        )
        assert number(route(tracker, in_reply_to=("<a@x>",), **people)) == 12


@pytest.mark.parametrize("people", [{}, {"reply_to": (CAROL,)}, {"delivered_to": (CAROL,)}, {"authors": (ANN, CAROL)}])
def test_else_it_is_passed_over(reader: FakeReader, people: dict[str, Any]) -> None:
    """The next reference is tried, then the subject; the reason says so, as does that of a new ticket."""
    reader.file(filing(12), filing(13, "mallory@evil.example"))
    reader.know("<b@x>", 14)
    mails: list[dict[str, Any]] = [{"references": ("<b@x>",)}, {"subject": "#14"}]
    for more in mails:
        target = route(reader, in_reply_to=("<a@x>",), **more, **people)
        assert number(target) == 14
        assert target is not None
        assert "<a@x>" in target.reason
    target = route(reader, in_reply_to=("<a@x>",), **people)
    assert isinstance(target, NewTicket)
    assert (target.rule, target.related, target.note) == ("new", None, "")
    assert "<a@x>" in target.reason


def test_many_contested_ids_are_not_all_looked_into(reader: FakeReader) -> None:
    """A mail may refer to hundreds; what is not contested is found behind them."""
    ids = [f"<{each}@x>" for each in range(100)]
    for each in ids:
        reader.file(filing(12, "m@evil.example", each), filing(13, "n@evil.example", each))
    reader.know("<b@x>", 14)
    assert number(route(reader, references=("<b@x>", *ids))) == 14


def test_what_was_sent_before_the_install_leads_where_it_did(reader: FakeReader) -> None:
    """Also when somebody had a mail filed, or two, with the id that can be computed."""
    reader.roots["<root@x>"] = 14
    reader.file(filing(12, message_id="<root@x>"))
    assert number(route(reader, references=("<root@x>",))) == 14
    reader.file(filing(13, "m@evil.example", message_id="<root@x>"))
    assert number(route(reader, references=("<root@x>",))) == 14
    assert number(route(reader, references=("<root@x>",), to=(CAROL,))) == 14
