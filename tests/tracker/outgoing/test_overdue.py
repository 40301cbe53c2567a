"""Administrators get one notice when a service is overdue, and one when it has recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from tests.watched import HOUR, later, said, watch
from trac_mailintake.tracker.db.transaction import now
from trac_mailintake.tracker.outgoing import overdue

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox
    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv


@pytest.fixture
def watched(trac_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink) -> Mailbox:
    """A service whose rounds go well, on each database."""
    return watch(trac_env, tmp_path, smtp_sink)


def break_it(mailbox: Mailbox) -> None:
    """The mailbox is where it was no longer."""
    mailbox.folder.rename(mailbox.folder.with_name("away"))


def mend_it(mailbox: Mailbox) -> None:
    """It is back."""
    mailbox.folder.with_name("away").rename(mailbox.folder)


def test_a_service_that_fails_for_long_is_told_of_once_and_again_when_it_works(
    watched: Mailbox, smtp_sink: SmtpSink
) -> None:
    """Not at the first failure, not at each; with its last error, and how long it took."""
    break_it(watched)
    assert watched.run().status == 3
    assert said(smtp_sink) == []
    later(watched, 2.5)
    for _ in range(3):
        assert watched.run().status == 3
    [(subject, text)] = said(smtp_sink)
    assert subject == "[Project of a test] Mail intake: support: overdue"
    assert "No round of the service support has gone well since" in text
    assert "for 2 hours" in text
    assert "failed:" in text
    mend_it(watched)
    for _ in range(2):
        assert watched.run().status == 0
    (subject, text) = said(smtp_sink)[-1]
    assert len(said(smtp_sink)) == 2
    assert subject.endswith("support: recovered")
    assert "it has recovered after 2 hours" in " ".join(text.split())


def test_an_interval_counts_thrice_before_a_service_is_overdue(watched: Mailbox, smtp_sink: SmtpSink) -> None:
    """`overdue` is less than three delays here."""
    watched.trac.command("mailintake", "service", "set", "support", "delay=600", "overdue=60")
    break_it(watched)
    later(watched, 25)
    watched.run()
    assert said(smtp_sink) == []
    later(watched, 6)
    watched.run()
    assert len(said(smtp_sink)) == 1


def test_no_notice_with_zero_or_for_a_disabled_service(watched: Mailbox, smtp_sink: SmtpSink) -> None:
    """A disabled service is silent on purpose; of one that stopped somebody was told already."""
    watched.trac.command("mailintake", "service", "set", "support", "overdue=0")
    later(watched, 5000)
    overdue.tell(watched.trac.env)
    watched.trac.command("mailintake", "service", "set", "support", "overdue=60")
    watched.trac.command("mailintake", "service", "disable", "support")
    overdue.tell(watched.trac.env)
    with watched.trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET enabled=1, stopped='a plugin is wrong'")
    overdue.tell(watched.trac.env)
    watched.trac.command("mailintake", "queue", "flush")
    assert said(smtp_sink) == []


def test_cron_that_ran_again_tells_nothing_when_its_round_goes_well(watched: Mailbox, smtp_sink: SmtpSink) -> None:
    """If a service recovers in the same run, no notice is sent."""
    later(watched, 10)
    watched.put(mail(1))
    assert watched.run().status == 0
    assert said(smtp_sink) == []


def test_a_run_that_has_nothing_to_do_tells_of_others(watched: Mailbox, smtp_sink: SmtpSink) -> None:
    """For example because each run hangs over the same service, so that its rounds begin but never end."""
    later(watched, 10, times=("created", "last_success"))
    with watched.trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET last_run=last_run-%s", (HOUR,))
    assert watched.trac.command("mailintake", "run").status == 0
    [(_, text)] = said(smtp_sink)
    assert "did not come to its end" in " ".join(text.split())


def test_mail_that_waits_is_told_of_once_although_all_rounds_go_well(watched: Mailbox, smtp_sink: SmtpSink) -> None:
    """And when it waits no longer."""
    insert = "INSERT INTO mailintake_delivery (service, state, seen, retry_at) VALUES ('support', 'deferred', %s, %s)"
    later(watched, 4, times=("created",))
    with watched.trac.env.db_transaction as db:
        db(insert, (now() - 3 * HOUR, now() + HOUR))
    for _ in range(3):
        assert watched.run().status == 0
    [(subject, text)] = said(smtp_sink)
    assert subject == "[Project of a test] Mail intake: support: overdue"
    words = " ".join(text.split())
    assert "Mail of the service support has waited since" in words
    assert "for 3 hours, although its rounds go well. Messages that are deferred or in work: 1." in words
    with watched.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='created', recorded=1")
    for _ in range(2):
        assert watched.run().status == 0
    (subject, text) = said(smtp_sink)[-1]
    assert (len(said(smtp_sink)), subject.endswith("support: recovered")) == (2, True)


def test_an_overdue_notice_is_not_used_up_while_sending_is_off(watched: Mailbox, smtp_sink: SmtpSink) -> None:
    """The notice is not used up."""
    later(watched, 3)
    watched.trac.set(("notification", "smtp_enabled", "disabled"))
    overdue.tell(watched.trac.env)
    watched.trac.set(("notification", "smtp_enabled", "enabled"))
    overdue.tell(watched.trac.env)
    watched.trac.command("mailintake", "queue", "flush")
    assert len(said(smtp_sink)) == 1
