"""What a refusal has us send: a notice to its sender, once a day, and only to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, message
from tests.rig import Rig, mail
from tests.test_forgers import PASSED, RECEIVED
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.intake.model import Forward, Outcome, Status
from trac_mailintake.intake.ports import Duplicate, Refused
from trac_mailintake.tracker.outgoing.enqueue import enqueue

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import Sent, SmtpSink
    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.ports import Decision

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
    """Where hosts are configured that can tell; only then the notice says which mail it is about."""
    rig.set(authserv_ids="mx.example.org")
    rig.drop("\n".join([PASSED, RECEIVED, mail("Hello", sender=MALLORY).decode()]).encode())
    rig.run()
    assert "“Hello”" in text(smtp_sink.wait_for(1)[0])


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


# senders who are not who they say

VARIANTS = (
    "victim@gmail.com",
    "Victim+1@gmail.com",
    "v.i.c.tim@googlemail.com",
    '"victim"@gmail.com',
    "VICTIM-list@gmail.com",
    "vic.tim+x=y@GMAIL.com",
)


@pytest.mark.parametrize("settings", [{"block": "gmail.com,googlemail.com"}, {"acknowledge": "always"}])
def test_a_mailbox_is_written_to_once_however_its_address_is_written(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink, settings: dict[str, str]
) -> None:
    """A notice of a reason once a day, an acknowledgement to an unproved sender once an hour."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, **settings)
    rig.drop(*(mail("Hello", sender=each) for each in VARIANTS))
    rig.run()
    rig.run()
    assert len({state for state, _ in rig.outcomes}) == 1
    assert len(smtp_sink.sent) == 1


@pytest.mark.parametrize("settings", [{"block": "*.example.com,*.org"}, {"acknowledge": "always"}])
def test_a_flood_makes_us_write_a_few_letters(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink, settings: dict[str, str]
) -> None:
    """Of one domain, with all its subdomains, a third of `rate_notice`; of all together no more than that."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, rate_notice="6", **settings)
    rig.drop(*(mail("Hello", sender=f"someone{number}@host{number % 3}.example.com") for number in range(8)))
    rig.run()
    assert len(smtp_sink.sent) == 2
    rig.drop(*(mail("Hello", sender=f"other{number}@example{number}.org") for number in range(8)))
    rig.run()
    assert len(smtp_sink.sent) == 6
    assert len(rig.outcomes) == 16


def test_an_hour_later_letters_go_out_again(sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink) -> None:
    """The limits are about an hour, whenever it began; old rows are reused and do not grow in number."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, acknowledge="always")
    for number in range(1, 4):
        rig.drop(mail("Hello"))
        rig.run()
        assert len(smtp_sink.sent) == number
        with sqlite_env.env.db_transaction as db:
            db("UPDATE mailintake_notice SET recorded=recorded-3600000001")
    assert len({sent.recipients for sent in smtp_sink.sent}) == 1


def test_nothing_of_an_unproved_senders_text_is_sent_to_them(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink
) -> None:
    """Neither in notices nor in acknowledgements: who is named in a forged From reads what we say, and nothing else."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, acknowledge="always", block="blocked.example")
    for sender in ("ann@example.com", "ann@blocked.example"):
        content = mail("Canary http://canary.example", "Comments: canary", sender=sender, body="Canary!\n")
        rig.drop(content.replace(b"From: Ann", b"From: Canary"))
    rig.run()
    assert sorted(state for state, _ in rig.outcomes) == ["created", "rejected"]
    assert sorted(sent.recipients for sent in smtp_sink.wait_for(2)) == [("ann@blocked.example",), ("ann@example.com",)]
    for sent in smtp_sink.sent:
        assert b"canary" not in sent.content.lower()
        assert "canary" not in str(sent.message["Subject"]).lower() + text(sent).lower()


# administrators

BROKEN = Refused(DELIVERY, None, Outcome(Status.HELD, "failed", "It failed 5 times: MemoryError"), ())
HELD = Refused(DELIVERY, message(), Outcome(Status.HELD, "block", "a@x is blocked."), ())
FORWARDED = Refused(DELIVERY, message(), HELD.outcome, (), Forward("bulk", "It is automatic."))


def written(trac: TracEnv, decision: Decision, admin: str = "", forward: str = "") -> list[tuple[object, ...]]:
    """What a decision has us send, if these addresses are set."""
    trac.set(("mailintake", "admin_address", admin), ("notification", "smtp_enabled", "enabled"))
    settings_of(trac.env).services.set("support", {"forward": forward})
    with trac.env.db_transaction as db:
        db("DELETE FROM mailintake_outbox")
        enqueue(trac.env, db, decision)
    return trac.query("SELECT kind, subject, body FROM mailintake_outbox ORDER BY id")


def test_an_administrator_is_told_of_what_is_broken(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Not of what was held for its sender's sake; without an address nobody is, and `status` has it all the same."""
    Rig(sqlite_env, tmp_path)
    told = [("alert", "failed", "It failed 5 times: MemoryError")]
    assert written(sqlite_env, BROKEN, admin="root@example.org") == told
    assert written(sqlite_env, BROKEN, forward="boss@example.org") == told
    assert written(sqlite_env, BROKEN) == []
    assert written(sqlite_env, HELD, admin="root@example.org") == []


def test_a_mail_to_be_forwarded_is_forwarded_and_no_alert(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Whoever gets the mail needs no word about it. What is filed already sends nothing."""
    Rig(sqlite_env, tmp_path)
    forward = [("forward", "bulk", "It is automatic.")]
    assert written(sqlite_env, FORWARDED, admin="root@example.org", forward="boss@example.org") == forward
    copy = Duplicate(DELIVERY, message(), BROKEN.outcome, ())
    assert written(sqlite_env, copy, admin="root@example.org", forward="boss@example.org") == []
