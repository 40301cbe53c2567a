"""Floods: a sender is held alone, a service stops as a whole, and a backlog is no flood."""

from __future__ import annotations

import time
from collections import Counter
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from trac_mailintake.bootstrap import settings_of

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """A service that has run before, on each database."""
    rig = Rig(trac_env, tmp_path)
    rig.drop(mail("The first"))
    trac_env.command("mailintake", "run", "--force")
    return rig


def now_from(sender: str, *fields: str, minutes: int = 0) -> bytes:
    """A mail that arrives now, or so many minutes ago."""
    received = formatdate(time.time() - 60 * minutes)
    return mail("Hello", f"Received: from x by mx.example.org; {received}", *fields, sender=sender)


def test_only_a_sender_over_the_rate_is_held(rig: Rig) -> None:
    """Only mail of that sender is held, even if all mails come in one batch."""
    rig.set(rate_sender="4")
    rig.drop(*(now_from("flood@example.com") for _ in range(7)), now_from("bob@example.com"))
    rig.run()
    assert rig.outcomes[1:] == [("created", "new")] * 4 + [("held", "rate-sender")] * 3 + [("created", "new")]
    rig.trac.command("mailintake", "held", "retry", "all")
    assert rig.outcomes[1:] == [("created", "new")] * 8


def test_a_ticket_over_its_rate_is_held_alone(rig: Rig) -> None:
    """Answers from many senders."""
    rig.set(rate_ticket="3")
    first = rig.trac.query("SELECT message_id FROM mailintake_delivery")[0][0]
    rig.drop(*(now_from("ann@example.com", f"In-Reply-To: {first}") for _ in range(5)), now_from("bob@example.com"))
    rig.run()
    # The first mail of the ticket, in a first run, does not count.
    assert rig.outcomes[1:] == [("commented", "message-id")] * 3 + [("held", "rate-ticket")] * 2 + [("created", "new")]


def test_too_many_new_tickets_stop_the_service_until_it_is_enabled(rig: Rig) -> None:
    """What is left stays in the mailbox; enabling lets go on what waits, and a new flood stops it again."""
    rig.set(rate_service="50", rate_sender="0")
    rig.drop(*(now_from(f"a{number}@example.com", minutes=5) for number in range(120)))
    done = rig.trac.command("mailintake", "run", "--force")
    assert done.status == 3
    assert "50 created" in done.out
    assert "stopped: 50 new tickets within an hour; rate_service allows 50" in done.out
    assert len(rig.left) == 70
    assert "rate_service" in settings_of(rig.trac.env).services.get(SERVICE).stopped
    assert rig.trac.command("mailintake", "run", "--force").out == ""
    assert len(rig.left) == 70
    rig.trac.command("mailintake", "service", "enable", SERVICE)
    rig.trac.command("mailintake", "run", "--force")
    assert rig.left == []
    with rig.trac.env.db_transaction as db:  # header fields count whole seconds: as if it had been a minute ago
        db("UPDATE mailintake_service SET resumed=resumed-60000000")
    rig.drop(*(now_from(f"b{number}@example.com") for number in range(120)))
    rig.trac.command("mailintake", "run", "--force")
    assert len(rig.left) == 70


def test_a_flood_from_one_sender_holds_up_nobody_else(rig: Rig) -> None:
    """Of one sender's 320 mails as many are filed as `rate_sender` allows; 80 by others are all filed in that round."""
    others = {f"user{number}@example.com": number for number in range(0, 400, 5)}
    senders = {number: address for address, number in others.items()}
    rig.drop(*(now_from(senders.get(number, "flood@example.com")) for number in range(400)))
    done = rig.trac.command("mailintake", "run", "--force")
    assert "140 created" in done.out
    assert rig.left == []
    filed = Counter(sender for (sender,) in rows_where(rig, "state='created'"))
    assert filed == Counter({**dict.fromkeys(others, 1), "flood@example.com": 60, "ann@example.com": 1})
    assert rows_where(rig, "state<>'created' AND rule<>'rate-sender'") == []
    assert set(rows_where(rig, "state='held'")) == {("flood@example.com",)}


def test_a_flood_of_tickets_from_many_pauses_the_service_and_is_told_of(rig: Rig, smtp_sink: SmtpSink) -> None:
    """The rest stays in the mailbox, untouched; an administrator hears of it once, however often cron runs."""
    rig.trac.notify_through(smtp_sink)
    rig.set(rate_service="100", forward="admin@example.org")
    rig.drop(*(now_from(f"user{number}@example.com") for number in range(400)))
    for _ in range(3):
        rig.trac.command("mailintake", "run", "--force")
    assert len(rows_where(rig, "state='created'")) == 101  # with the one before
    assert len(rig.left) == 300
    told = [sent.message for sent in smtp_sink.wait_for(1) if "admin@example.org" in sent.recipients]
    assert ["100 new tickets within an hour" in text_of(each) for each in told] == [True]


def rows_where(rig: Rig, condition: str) -> list[tuple[object, ...]]:
    """The senders of the deliveries of which this is so."""
    return rig.trac.query(f"SELECT sender FROM mailintake_delivery WHERE {condition}")


def text_of(message: EmailMessage) -> str:
    """What a person reads."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\n", " ")


def test_the_backlog_of_a_first_run_is_no_flood(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Neither in it, nor afterwards."""
    rig = Rig(sqlite_env, tmp_path, rate_sender="5", rate_service="20")
    rig.drop(*(now_from("ann@example.com") for _ in range(40)))
    sqlite_env.command("mailintake", "run", "--force")
    assert set(rig.outcomes) == {("created", "new")}
    rig.drop(*(now_from("ann@example.com") for _ in range(3)))
    sqlite_env.command("mailintake", "run", "--force")
    assert rig.outcomes == [("created", "new")] * 43


def test_mail_that_waited_counts_when_it_arrived(rig: Rig) -> None:
    """After a day off, what came over the day is no flood."""
    rig.set(rate_sender="3", rate_service="20")
    for hour in range(24):
        at = formatdate(1_790_000_000 + 3700 * hour)
        rig.drop(*(mail("Hi", f"Received: from x by mx.example.org; {at}") for _ in range(2)))
    rig.run()
    assert rig.outcomes == [("created", "new")] * 49
