"""When a mail arrived: the mailbox and the topmost Received say it, the sender never."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import DELIVERY, message
from trac_mailintake.intake.arrival_time import arrival

if TYPE_CHECKING:
    from trac_mailintake.mail.message import Message

THEN = datetime(2026, 11, 2, 10, tzinfo=UTC)
OLD = datetime(1999, 1, 1, tzinfo=UTC)
DAYS = st.integers(0, 9000)


def received(*moments: datetime, date: datetime | None = None) -> Message:
    """A mail with these Received fields, the topmost first."""
    fields = (("Received", f"from a by b; {each:%a, %d %b %Y %H:%M:%S} +0000") for each in moments)
    return message(date=date, fields=tuple(fields))


def test_arrival_is_what_the_sender_cannot_choose() -> None:
    """The mailbox's word or our last server's, the earlier; never Date; never later than now."""
    mail = received(THEN, OLD, date=OLD)
    assert arrival(None, mail) == THEN
    assert arrival(replace(DELIVERY.listed, arrived=THEN + timedelta(days=3)), mail) == THEN
    assert arrival(replace(DELIVERY.listed, arrived=THEN - timedelta(days=3)), mail) == THEN - timedelta(days=3)
    before = datetime.now(UTC)
    assert arrival(None, message(date=OLD)) >= before
    assert arrival(replace(DELIVERY.listed, arrived=THEN), message(date=OLD)) == THEN
    assert arrival(None, message(date=datetime.now(UTC) + timedelta(days=9))) <= datetime.now(UTC)


@given(mailbox=st.none() | DAYS, server=DAYS, others=st.lists(DAYS, max_size=3), claimed=st.none() | DAYS)
def test_what_the_sender_writes_below_the_last_server_changes_nothing(
    mailbox: int | None, server: int, others: list[int], claimed: int | None
) -> None:
    """Neither a Date nor further Received fields move a mail into another hour."""
    listed = replace(DELIVERY.listed, arrived=None if mailbox is None else OLD + timedelta(days=mailbox))
    moments = [OLD + timedelta(days=each) for each in (server, *others)]
    date = None if claimed is None else OLD + timedelta(days=claimed)
    assert arrival(listed, received(*moments, date=date)) == arrival(listed, received(moments[0]))


@pytest.mark.parametrize("field", ["", "from a by b", "from a by b; the other day", "from a by b;"])
def test_a_server_that_says_no_time_leaves_it_to_the_mailbox(field: str) -> None:
    """Date does not step in: whoever can have a server write nonsense could choose it."""
    mail = message(date=OLD, fields=(("Received", field),))
    assert arrival(replace(DELIVERY.listed, arrived=THEN), mail) == THEN
    before = datetime.now(UTC)
    assert before <= arrival(None, mail) <= datetime.now(UTC)


def test_without_mailbox_and_mail_it_is_now() -> None:
    """What was handed over and could not be read."""
    for listed in (None, replace(DELIVERY.listed, arrived=None)):
        before = datetime.now(UTC)
        assert before <= arrival(listed, None) <= datetime.now(UTC)
    assert arrival(replace(DELIVERY.listed, arrived=THEN), None) == THEN
