"""Our own mail is sent once the server takes it; repeated failures are told of together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
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
