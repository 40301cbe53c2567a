"""Too many mails within an hour, by when they arrived."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.builders import ANN, DELIVERY, context, delivery, message
from tests.fakes import FakeReader
from trac_mailintake.builtin import rates
from trac_mailintake.intake.model import Followup, Hold, NewTicket, Proof
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.mailbox_key import mailbox_key

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context

THEN = datetime(2026, 11, 2, 10, tzinfo=UTC)
MAIL = delivery(listed=replace(DELIVERY.listed, arrived=THEN))


def reader(*minutes: int, who: str = mailbox_key(ANN.spec)) -> FakeReader:
    """Mails that arrived so many minutes before."""
    return FakeReader(arrived=[(who, THEN - timedelta(minutes=each)) for each in minutes])


def later(told: Context) -> Context:
    """A service that has run before."""
    return replace(told, service=replace(told.service, last_success=Microseconds(1)))


def test_a_sender_over_the_rate_is_held() -> None:
    """The fourth mail within an hour, where three are allowed."""
    told = later(context(reader(1, 20, 59), rate_sender="3"))
    objection = rates.mailintake_screen(message(), MAIL, told)
    assert isinstance(objection, Hold)
    assert objection.rule == "rate-sender"


@pytest.mark.parametrize(
    ("minutes", "rate"), [((1, 20), "3"), ((1, 20, 61), "3"), ((-1, -2, -3), "3"), (tuple(range(60)), "0"), ((), "1")]
)
def test_a_sender_within_the_rate_is_not_held(minutes: tuple[int, ...], rate: str) -> None:
    """Mails of an earlier hour, and those that arrived later but were fetched before, do not count."""
    assert rates.mailintake_screen(message(), MAIL, later(context(reader(*minutes), rate_sender=rate))) is None


def test_the_first_run_and_a_second_look_are_free() -> None:
    """A backlog may be anything; and an administrator who has held mail retried means it."""
    told = context(reader(1, 2, 3), rate_sender="3")
    assert rates.mailintake_screen(message(), MAIL, told) is None
    again = replace(MAIL, again=True)
    assert rates.mailintake_screen(message(), again, later(told)) is None


def test_a_ticket_over_its_rate_holds_what_comes() -> None:
    """But not what an administrator releases, nor new tickets."""
    told = later(context(FakeReader(), rate_ticket="2"))
    mail = message(fields=(("Received", f"by mx; {THEN:%a, %d %b %Y %H:%M:%S} +0000"),))
    busy = reader(1, 2, who="#7")
    follows = Followup(7, "subject", "it says so", Proof.SUBJECT)
    objection = rates.too_many(follows, mail, told.service, busy)
    assert isinstance(objection, Hold)
    assert objection.rule == "rate-ticket"
    assert rates.too_many(replace(follows, proof=Proof.HANDLER), mail, told.service, busy) is None
    assert rates.too_many(NewTicket("new", "new"), mail, told.service, busy) is None
    assert rates.too_many(follows, mail, told.service, reader(1, who="#7")) is None
