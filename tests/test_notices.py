"""What we send besides notifications: notices to refused senders, alerts, digests, acknowledgements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from tests.test_forgers import PASSED, RECEIVED
from trac_mailintake.runs.stop_service import stop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import Sent, SmtpSink
    from tests.servers.tracenv import TracEnv

HOUR = 3600 * 1_000_000
MALLORY = "mallory@example.com"


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink) -> Rig:
    """A service that rejects Mallory, on each database; what is sent is seen in the sink."""
    trac_env.notify_through(smtp_sink)
    return Rig(trac_env, tmp_path, block=MALLORY)


def text(sent: Sent) -> str:
    """The text of a mail that was sent."""
    return str(sent.message.get_content())


def test_a_rejected_sender_is_told_once_a_day(rig: Rig, smtp_sink: SmtpSink) -> None:
    """The notice has a null sender, goes to the sender alone, is marked as automatic, and does not name the rule."""
    rig.drop(*(mail("Buy now", sender=MALLORY) for _ in range(3)))
    rig.run()
    rig.run()
    (sent,) = smtp_sink.wait_for(1)
    assert (sent.sender, sent.recipients) == ("", (MALLORY,))
    assert sent.message["Auto-Submitted"] == "auto-replied"
    assert sent.message["In-Reply-To"] == rig.trac.query("SELECT message_id FROM mailintake_delivery ORDER BY id")[0][0]
    assert "“Buy now”" in text(sent)
    assert "block" not in text(sent)
    told = rig.trac.query("SELECT sender_told FROM mailintake_delivery ORDER BY id")
    assert told == [(1,), (0,), (0,)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("Content-Language: de-CH",), "wurde nicht angenommen"),
        (("Content-Language: xx, fr",), "n’a pas été accepté"),
        (("Content-Language: es",), "no ha sido aceptado"),
        ((), "wurde nicht angenommen"),
        (("Content-Language: ja",), "wurde nicht angenommen"),
    ],
)
def test_a_notice_speaks_the_language_of_the_mail(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink, fields: tuple[str, ...], expected: str
) -> None:
    """Else that of this Trac, which is German here."""
    sqlite_env.set(("trac", "default_language", "de"))
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, block=MALLORY)
    rig.drop(mail("Hello", *fields, sender=MALLORY))
    rig.run()
    assert expected in text(smtp_sink.wait_for(1)[0])


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"notify_sender": "never"}, ()),
        ({}, ("Return-Path: <>",)),
        ({"bulk": "accept"}, ("Auto-Submitted: auto-generated",)),
        ({"bulk": "accept"}, ("Precedence: bulk",)),
        ({}, ("List-Id: <list.example.com>",)),
        ({"authserv_ids": "mx.example.org"}, (RECEIVED,)),
        ({}, ("From: another@example.com",)),
    ],
)
def test_who_is_not_told(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink, settings: dict[str, str], fields: tuple[str, ...]
) -> None:
    """Machines, lists, null paths, the unproved where proof is to be had, several authors: rejected, and no word."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, block=MALLORY, **settings)
    rig.drop(mail("Hello", *fields, sender=MALLORY))
    rig.run()
    assert rig.journal()[0]["outcome"] in ("rejected", "held")
    assert smtp_sink.sent == []


def test_a_proved_sender_is_told(rig: Rig, smtp_sink: SmtpSink) -> None:
    """Where hosts are configured that can tell."""
    rig.set(authserv_ids="mx.example.org")
    rig.drop("\n".join([PASSED, RECEIVED, mail("Hello", sender=MALLORY).decode()]).encode())
    rig.run()
    assert len(smtp_sink.wait_for(1)) == 1


def test_held_mail_is_told_of_only_where_that_is_wanted(rig: Rig, smtp_sink: SmtpSink) -> None:
    """`notify_sender=refused`: what is held for its sender's sake, and not for another reason."""
    rig.set(block="", allow="friend@example.com")
    rig.drop(mail("Hello"))
    rig.run()
    rig.set(notify_sender="refused")
    rig.drop(mail("Hello again"), mail("Away", "Auto-Submitted: auto-replied", sender="bob@example.com"))
    rig.run()
    assert rig.outcomes == [("held", "allow"), ("held", "allow"), ("held", "allow")]
    (sent,) = smtp_sink.sent
    assert "“Hello again”" in text(sent)
    assert "until somebody has looked at it" in text(sent)


def test_the_envelope_may_name_somebody(rig: Rig, smtp_sink: SmtpSink) -> None:
    """`[mailintake] notice_sender`, for servers that refuse the null path."""
    rig.trac.set(("mailintake", "notice_sender", "bounces@example.org"))
    rig.drop(mail("Hello", sender=MALLORY))
    rig.run()
    assert smtp_sink.wait_for(1)[0].sender == "bounces@example.org"


def test_nothing_is_queued_for_senders_while_sending_is_off(rig: Rig, smtp_sink: SmtpSink) -> None:
    """Nobody wants to be told months later."""
    rig.trac.set(("notification", "smtp_enabled", "disabled"))
    rig.drop(mail("Hello", sender=MALLORY))
    rig.run()
    assert rig.trac.query("SELECT COUNT(*) FROM mailintake_outbox") == [(0,)]


# administrators


def test_a_service_that_stops_is_told_of(rig: Rig, smtp_sink: SmtpSink) -> None:
    """To `[mailintake] admin_address`; without one to the forward address; once."""
    rig.trac.set(("mailintake", "admin_address", "root@example.org"))
    stop(rig.trac.env, SERVICE, "It was too much.")
    stop(rig.trac.env, SERVICE, "It was too much.")
    rig.run()
    (sent,) = smtp_sink.wait_for(1)
    assert (sent.sender, sent.recipients) == ("", ("root@example.org",))
    assert "It was too much." in text(sent)
    assert "/admin/mailintake/services" in text(sent)


def test_without_an_address_nobody_is_told_of_it(rig: Rig, smtp_sink: SmtpSink) -> None:
    """`status` says it all the same."""
    stop(rig.trac.env, SERVICE, "It was too much.")
    rig.run()
    assert smtp_sink.sent == []
    assert "It was too much." in rig.trac.command("mailintake", "status").out


def test_a_stop_is_told_of_at_once_amid_failures(rig: Rig, smtp_sink: SmtpSink) -> None:
    """It does not wait for the digest."""
    enqueue_failures(rig, 2)
    rig.run()
    smtp_sink.wait_for(1)
    stop(rig.trac.env, SERVICE, "It was too much.")
    rig.run()
    assert "It was too much." in text(smtp_sink.wait_for(2)[1])


def test_status_says_that_sending_is_off(rig: Rig) -> None:
    """And that mail is held for it."""
    enqueue_failures(rig, 1)
    assert "Sending is off" not in rig.trac.command("mailintake", "status").out
    rig.trac.set(("notification", "smtp_enabled", "disabled"))
    assert "Sending is off: what is to be forwarded is held" in rig.trac.command("mailintake", "status").out


def enqueue_failures(rig: Rig, number: int) -> None:
    """Mails that were given up, as `_failed` records them: to be forwarded with the rule `failed`."""
    rig.set(reporterusername="", forward="boss@example.org", bulk="forward")
    waits = "SELECT COUNT(*) FROM mailintake_outbox WHERE sent=0"
    rig.drop(*(mail(f"Poison {each}", "Auto-Submitted: auto-generated") for each in range(number)))
    rig.trac.set(("notification", "smtp_enabled", "disabled"))
    rig.run()
    rig.trac.set(("notification", "smtp_enabled", "enabled"))
    assert rig.trac.query(waits) == [(number,)]
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_outbox SET subject='failed', body='It failed 5 times: ValueError' WHERE sent=0")


def pass_an_hour(rig: Rig) -> None:
    """As if everything had happened an hour earlier."""
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_outbox SET sent=sent-%s WHERE sent>0", (HOUR,))
        db("UPDATE mailintake_outbox SET retry_at=retry_at-%s", (HOUR,))


def test_repeated_failures_become_one_digest(rig: Rig, smtp_sink: SmtpSink) -> None:
    """The first is forwarded as it is; those within the hour are told together, and stay held."""
    enqueue_failures(rig, 4)
    rig.run()
    (first,) = smtp_sink.wait_for(1)
    assert first.message.get_content_type() == "multipart/mixed"
    assert [outcome for outcome, _ in rig.outcomes] == ["forwarded", "held", "held", "held"]
    rig.run()
    assert len(smtp_sink.sent) == 1
    pass_an_hour(rig)
    rig.run()
    _, digest = smtp_sink.wait_for(2)
    assert digest.message["Subject"].endswith("3 failures in support")
    for number in (1, 2, 3):
        assert f"Poison {number}" in text(digest)
    assert text(digest).count("/admin/mailintake/journal/") == 3
    assert rig.outcomes == [("forwarded", "failed"), *[("held", "failed")] * 3]
    assert rig.trac.query("SELECT admin_told FROM mailintake_delivery") == [(1,)] * 4
    assert rig.trac.command("mailintake", "held", "retry", "2").status in (0, 1)


def test_other_forwards_are_never_put_together(rig: Rig, smtp_sink: SmtpSink) -> None:
    """Whoever wants automatic mail forwarded gets each."""
    rig.set(forward="boss@example.org", bulk="forward")
    rig.drop(*(mail(f"Bulk {each}", "Precedence: bulk") for each in range(4)))
    rig.run()
    assert len(smtp_sink.wait_for(4)) == 4
    assert [outcome for outcome, _ in rig.outcomes] == ["forwarded"] * 4


def test_a_digest_that_is_refused_is_tried_again(rig: Rig, smtp_sink: SmtpSink) -> None:
    """All of it; nothing is told of twice."""
    enqueue_failures(rig, 3)
    rig.run()
    smtp_sink.wait_for(1)
    pass_an_hour(rig)
    smtp_sink.answer = "451 later"
    rig.run()
    assert rig.outcomes[1:] == [("held", "forward-pending")] * 2
    smtp_sink.answer = "250 fine"
    rig.trac.command("mailintake", "queue", "flush")
    assert len(smtp_sink.wait_for(2)) == 2
    assert rig.outcomes[1:] == [("held", "failed")] * 2


# acknowledgements


@pytest.mark.parametrize(
    ("acknowledge", "trace", "told"),
    [
        ("never", (PASSED, RECEIVED), []),
        ("proved", (RECEIVED,), []),
        ("proved", (PASSED, RECEIVED), [("ann@example.com",)]),
        ("always", (RECEIVED,), [("ann@example.com",)]),
    ],
)
def test_a_reporter_is_notified_about_their_ticket(
    sqlite_env: TracEnv,
    tmp_path: Path,
    smtp_sink: SmtpSink,
    acknowledge: str,
    trace: tuple[str, ...],
    told: list[tuple[str, ...]],
) -> None:
    """`acknowledge`: a forged From does not make us send unless that is wanted."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, acknowledge=acknowledge, authserv_ids="mx.example.org")
    rig.drop("\n".join([*trace, mail("Hello").decode()]).encode())
    rig.run()
    assert [sent.recipients for sent in smtp_sink.sent] == told
