"""The figures of a service, against a journal that real mails made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from tests.tracker.journal.conftest import change
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.db.transaction import DAY, SECOND, now
from trac_mailintake.tracker.journal.statistics import State, figures

if TYPE_CHECKING:
    from tests.components.mails import Mailbox
    from trac_mailintake.tracker.journal.statistics import Figures


HOUR = 3600 * SECOND
AUTOMATIC = "Auto-Submitted: auto-replied\n"


def stand(mailbox: Mailbox) -> Figures:
    """The one service."""
    trac = mailbox.trac
    rows = Services(trac.env, lambda: pytest.fail("plugins were asked for")).rows()
    [found] = figures(trac.env, rows)
    return found


def test_figures_tell_what_waits_what_came_and_how_long_it_took(mailbox: Mailbox) -> None:
    """Of each time span, and the middle one of what the last mails took."""
    moment = now()
    for number, (hours, took) in enumerate([(0, 2), (5, 4), (50, 60)], start=1):
        recorded = moment - hours * HOUR - SECOND
        change(
            mailbox,
            "UPDATE mailintake_delivery SET recorded=%s, counted=%s WHERE message_id=%s",
            *(recorded, recorded - took * SECOND, f"<{number}@example.net>"),
        )
    change(mailbox, "UPDATE mailintake_delivery SET recorded=%s, counted=0 WHERE state='held'", moment - 8 * DAY)
    found = stand(mailbox)
    assert (found.hour, found.day, found.week) == (1, 2, 3)
    assert (found.held, found.deferred, found.in_work, found.waiting) == (1, 0, 0, 0)
    assert found.lag == 4 * SECOND
    assert 4 * SECOND < (found.lag_most or 0) <= 60 * SECOND
    assert (found.state, found.why) == (State.WELL, "")


def test_what_a_round_left_waits_since_the_oldest_arrived(mailbox: Mailbox) -> None:
    """As of the last round that reached the mailbox; one that failed knows no better."""
    mailbox.put(mail(5), mail(6), mail(7))
    mailbox.run("--limit", "1")
    found = stand(mailbox)
    assert found.waiting == 2
    assert moment_of(found.oldest) > datetime.now(UTC) - timedelta(minutes=5)
    mailbox.folder.rename(mailbox.folder.with_name("away"))
    assert mailbox.run().status == 3
    found = stand(mailbox)
    assert (found.waiting, found.state) == (2, State.FAILING)
    assert str(mailbox.folder) in found.last_error
    assert found.failed > found.last_success
    assert found.why == found.last_error
    mailbox.folder.with_name("away").rename(mailbox.folder)
    mailbox.run()
    found = stand(mailbox)
    assert (found.waiting, found.oldest, found.state) == (0, 0, State.WELL)
    assert str(mailbox.folder) in found.last_error, "when it failed last stays known"


def moment_of(microseconds: int) -> datetime:
    """A time of ours."""
    return datetime.fromtimestamp(microseconds / SECOND, UTC)


@pytest.mark.parametrize(
    ("change_of", "state", "said"),
    [
        ("next_run=next_run-{hour}", State.LATE, "Due for"),
        ("next_run={now}-{hour}, last_success={now}-2*{hour}, created=0", State.OVERDUE, "does cron still run"),
        ("last_success={now}-2*{hour}, created=0, last_error='refused'", State.OVERDUE, "for 2 hours. refused"),
        ("last_success=last_run-{hour}, failed=last_run, last_error='refused'", State.FAILING, "refused"),
        ("stopped='a plugin is wrong', last_success=0", State.STOPPED, "a plugin is wrong"),
        ("enabled=0, last_success=0", State.DISABLED, ""),
        ("last_run=0, last_success=0, next_run=0", State.NEW, ""),
        ("last_run=0, last_success=0, next_run=0, created={now}-{hour}/2", State.LATE, "Due for 30 minutes"),
        ("overdue=0, last_success=1, created=1", State.WELL, ""),
        ("path='', server='', next_run=1, last_success=1, created=1", State.WELL, ""),
        ("waiting=2, oldest={now}-2*{hour}, created=1", State.WAITING, "has waited for 2 hours"),
        (
            "unclaimed=2, unclaimed_since={now}-2*{hour}, created=1",
            State.WAITING,
            "no service there wants: 2",
        ),
        ("unclaimed=2, unclaimed_since={now}-50*{hour}/60, created=1", State.WELL, ""),
        ("unclaimed=2, unclaimed_since={now}-2*{hour}, created=1, overdue=0", State.WELL, ""),
        ("waiting=2, oldest=1, created=1, last_success=last_run-{hour}/2, failed=last_run", State.FAILING, ""),
    ],
)
def test_the_state_is_a_word_and_a_reason(mailbox: Mailbox, change_of: str, state: State, said: str) -> None:
    """The gravest counts."""
    change(mailbox, f"UPDATE mailintake_service SET {change_of.format(now=now(), hour=HOUR)}")
    found = stand(mailbox)
    assert (found.state, said in found.why) == (state, True), found.why


def test_deferred_mail_waits_apart(mailbox: Mailbox) -> None:
    """It has no outcome yet, but a failure."""
    change(
        mailbox,
        "UPDATE mailintake_delivery SET state='deferred', recorded=0, failure='the disk was full', arrived=%s "
        "WHERE message_id='<1@example.net>'",
        now() - HOUR,
    )
    change(mailbox, "UPDATE mailintake_delivery SET state='claimed', recorded=0 WHERE message_id='<2@example.net>'")
    found = stand(mailbox)
    assert (found.deferred, found.in_work) == (1, 1)
    assert found.oldest <= now() - HOUR


@pytest.mark.parametrize("state", ["free", "claimed", "deferred", "sealed", "resumed", "reclaimed"])
def test_no_service_is_well_while_a_mail_waits(mailbox: Mailbox, state: str) -> None:
    """For whatever reason: monitoring hears of it, and so does whoever looks at the panel."""
    change(mailbox, "UPDATE mailintake_service SET created=1")
    sql = "UPDATE mailintake_delivery SET state=%s, recorded=0, seen=%s WHERE message_id='<1@example.net>'"
    change(mailbox, sql, state, now() - HOUR // 2)
    assert stand(mailbox).state is State.WELL
    change(mailbox, sql, state, now() - 2 * HOUR)
    found = stand(mailbox)
    assert found.state is State.WAITING
    assert found.why == (
        "A message has waited for 2 hours. Messages that are deferred or in work: 1. The journal says why."
    )
    status = mailbox.trac.command("mailintake", "status")
    assert (status.status, "support: waiting. A message has waited for 2 hours." in status.out) == (3, True)


def test_the_command_prints_the_same_figures(mailbox: Mailbox) -> None:
    """In JSON spans are seconds, and say so."""
    status = mailbox.trac.command("mailintake", "status", "--json")
    [service] = json.loads(status.out)["services"]
    found = stand(mailbox)
    for name in ("held", "hour", "day", "week", "waiting", "last_success", "last_error"):
        assert service[name] == getattr(found, name)
    assert service["state"] == "well"
    assert service["lag_seconds"] == round((found.lag or 0) / SECOND, 1)
    assert status.status == 1


def test_a_service_that_no_run_comes_to_ends_status_with_three(mailbox: Mailbox) -> None:
    """So that monitoring hears of a dead cron; where nothing is to be fetched that is no fault."""
    change(mailbox, "UPDATE mailintake_service SET next_run=%s", now() - HOUR)
    status = mailbox.trac.command("mailintake", "status")
    assert (status.status, "support: late. Due for 60 minutes" in status.out) == (3, True)
    mailbox.trac.set(("mailintake", "fetch", "disabled"))
    assert mailbox.trac.command("mailintake", "status").status == 1
