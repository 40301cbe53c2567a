"""The figures of a service, and mails a day by outcome, against a journal that real mails made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.transaction import DAY, SECOND, now
from trac_mailintake.tracker.journal.daily_counts import daily
from trac_mailintake.tracker.journal.statistics import State, figures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.tracker.journal.statistics import Figures

HOUR = 3600 * SECOND
AUTOMATIC = "Auto-Submitted: auto-replied\n"


@pytest.fixture(params=["sqlite_env", "postgres_env", "mariadb_env"])
def mailbox(request: pytest.FixtureRequest, tmp_path: Path) -> Mailbox:
    """A service on each database, which took three mails and holds a fourth."""
    trac: TracEnv = request.getfixturevalue(request.param)
    trac.grant("anonymous", "TICKET_CREATE")
    made = Mailbox(trac, tmp_path / "Maildir")
    assert made.add_service("delay=10", "overdue=60").status == 0
    assert made.run().status == 0
    made.put(mail(1), mail(2), mail(3), mail(4, more=AUTOMATIC))
    assert made.run().status == 1
    return made


def stand(mailbox: Mailbox) -> Figures:
    """The one service."""
    trac = mailbox.trac
    rows = Services(trac.env, lambda: pytest.fail("plugins were asked for")).rows()
    [found] = figures(trac.env, rows)
    return found


def change(mailbox: Mailbox, sql: str, *arguments: object) -> None:
    """Make something of the past."""
    with mailbox.trac.env.db_transaction as db:
        db(sql, arguments)


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
    change(mailbox, "UPDATE mailintake_delivery SET recorded=%s, counted=0 WHERE outcome='held'", moment - 8 * DAY)
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
        "UPDATE mailintake_delivery SET outcome=NULL, recorded=0, failure='the disk was full', arrived=%s "
        "WHERE message_id='<1@example.net>'",
        now() - HOUR,
    )
    change(mailbox, "UPDATE mailintake_delivery SET outcome=NULL, recorded=0 WHERE message_id='<2@example.net>'")
    found = stand(mailbox)
    assert (found.deferred, found.in_work) == (1, 1)
    assert found.oldest <= now() - HOUR


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


def test_mails_are_counted_by_day_and_outcome(mailbox: Mailbox) -> None:
    """On the days of whoever looks; a day without mail is there, too; what is older is not."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
    moments = [midnight + timedelta(minutes=10), midnight - timedelta(minutes=20), midnight - timedelta(days=60)]
    for number, moment in enumerate(moments, start=1):
        recorded = int(moment.timestamp()) * SECOND
        change(
            mailbox,
            "UPDATE mailintake_delivery SET recorded=%s WHERE message_id=%s",
            *(recorded, f"<{number}@example.net>"),
        )
    change(mailbox, "UPDATE mailintake_delivery SET service='sales' WHERE outcome='held'")
    days = {each.date: each.counts for each in daily(mailbox.trac.env, UTC)}
    assert len(days) == 30
    assert days[midnight.date()] == {"created": 1}
    assert days[midnight.date() - timedelta(days=1)] == {"created": 1}
    assert days[datetime.now(UTC).date()] == {"held": 1}
    assert sum(sum(each.values()) for each in days.values()) == 3
    assert sum(each.total for each in daily(mailbox.trac.env, UTC, "sales")) == 1
    # Where India is, both came on the same day; in Newfoundland (without its summer time), too, a day earlier.
    for hours, minutes, day in ((5, 30, 0), (-3, -30, -1)):
        zone = timezone(timedelta(hours=hours, minutes=minutes))
        there = {each.date: each.counts for each in daily(mailbox.trac.env, zone)}
        assert there[midnight.date() + timedelta(days=day)] == {"created": 2}


def test_the_journal_is_counted_in_its_index_alone(sqlite_env: TracEnv) -> None:
    """No row of it is read to count a month, however long the journal is."""
    with sqlite_env.env.db_transaction as db:
        cursor = db.cursor()
        cursor.execute(
            """EXPLAIN QUERY PLAN SELECT outcome, recorded - recorded %% 900000000, COUNT(*) FROM mailintake_delivery
               WHERE service=%s AND recorded>=%s GROUP BY outcome, recorded - recorded %% 900000000""",
            ("support", 1),
        )
        plan = cursor.fetchall()
    assert "USING COVERING INDEX mailintake_delivery_service_recorded_outcome_idx" in str(plan)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7200, "2 hours"),
        (172_800, "2 days"),
    ],
)
def test_spans_are_said_in_one_unit(seconds: int, said: str) -> None:
    """The largest of which there are two."""
    assert lasting(Microseconds(seconds * SECOND)) == said
