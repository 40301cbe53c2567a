"""Which services are due, and which are overdue, by the clock of whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trac_mailintake.bootstrap import settings_of
from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config.schedule import due, unusual
from trac_mailintake.tracker.db.transaction import MINUTE

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

NOW = Microseconds(1_000_000 * MINUTE)


def service(trac: TracEnv, name: str, **columns: object) -> None:
    """A service on a Maildir with these columns."""
    settings_of(trac.env).services.add(name, {"kind": "maildir", "path": f"/mail/{name}"})
    settled = {"created": 1, "resumed": 0, "last_run": 0, "last_success": 0, "next_run": 0, **columns}
    change(trac, name, **settled)


def change(trac: TracEnv, name: str, **columns: object) -> None:
    """Give a service other columns."""
    assignments = ", ".join(f"{column}=%s" for column in columns)
    with trac.env.db_transaction as db:
        db(f"UPDATE mailintake_service SET {assignments} WHERE name=%s", (*columns.values(), name))


def test_what_waits_longest_is_due_first(trac_env: TracEnv) -> None:
    """At the very microsecond, and not before; by name where two wait equally long."""
    for name, at in (("b", NOW), ("a", NOW), ("late", NOW + 1), ("first", NOW - MINUTE)):
        service(trac_env, name, next_run=at)
    assert due(trac_env.env, NOW) == ["first", "a", "b"]
    assert due(trac_env.env, Microseconds(NOW + 1)) == ["first", "a", "b", "late"]


def test_a_clock_that_was_ahead_keeps_nobody_waiting(sqlite_env: TracEnv) -> None:
    """Who ran in the future is due at once."""
    service(sqlite_env, "ahead", last_run=NOW + 1, next_run=NOW + 10 * MINUTE)
    assert due(sqlite_env.env, NOW) == ["ahead"]
    change(sqlite_env, "ahead", last_run=NOW)
    assert due(sqlite_env.env, NOW) == []


@pytest.mark.parametrize("columns", [{"enabled": 0}, {"stopped": "a plugin is wrong"}, {"path": ""}])
def test_what_may_not_run_is_never_due_nor_overdue(sqlite_env: TracEnv, columns: dict[str, object]) -> None:
    """Neither disabled nor stopped services, nor pipes."""
    service(sqlite_env, "still", **columns)
    assert due(sqlite_env.env, NOW) == []
    assert unusual(sqlite_env.env, NOW) == []


@pytest.mark.parametrize(
    ("minutes", "delay", "silent", "said"),
    [(60, 1, 60, False), (60, 1, 61, True), (60, 30, 61, False), (60, 30, 91, True), (0, 1, 9999, False)],
)
def test_a_service_is_overdue_after_its_minutes_and_three_rounds(
    sqlite_env: TracEnv, minutes: int, delay: int, silent: int, *, said: bool
) -> None:
    """Whichever is longer; with 0 never."""
    since = NOW - silent * MINUTE
    service(sqlite_env, "quiet", overdue=minutes, delay=delay, last_success=since, last_run=NOW)
    assert bool(unusual(sqlite_env.env, NOW)) is said


@pytest.mark.parametrize("began", ["last_success", "created", "resumed"])
def test_the_time_counts_from_the_newest_of_three_moments(sqlite_env: TracEnv, began: str) -> None:
    """Success, creation, and when somebody let it run again."""
    long_ago = NOW - 1000 * MINUTE
    moments = {"last_success": long_ago, "created": long_ago, "resumed": long_ago}
    service(sqlite_env, "quiet", overdue=60, delay=1, **moments)
    assert [each.name for each in unusual(sqlite_env.env, NOW)] == ["quiet"]
    change(sqlite_env, "quiet", **{began: NOW - 59 * MINUTE})
    assert unusual(sqlite_env.env, NOW) == []


def test_who_is_about_to_try_counts_only_rounds_that_failed(sqlite_env: TracEnv) -> None:
    """After a pause of cron's, the round that begins may go well: nobody is told before it has failed."""
    service(sqlite_env, "quiet", overdue=60, delay=1, last_success=NOW - 500 * MINUTE, last_run=NOW - 500 * MINUTE)
    assert unusual(sqlite_env.env, NOW, tried=True) == []
    assert len(unusual(sqlite_env.env, NOW)) == 1
    change(sqlite_env, "quiet", last_run=NOW)
    assert len(unusual(sqlite_env.env, NOW, tried=True)) == 1


def test_who_was_told_of_is_unusual_again_once_it_has_recovered(trac_env: TracEnv) -> None:
    """Not while it fails; with all that the notice says."""
    told = NOW - 100 * MINUTE
    service(
        trac_env, "quiet", overdue=60, created=5, resumed=7, told=told, last_success=told, forward="boss@example.org"
    )
    assert unusual(trac_env.env, NOW) == []
    change(trac_env, "quiet", last_success=told + 1, last_run=told + 1)
    assert [tuple(each)[:-1] for each in unusual(trac_env.env, NOW)] == [
        ("quiet", told, 7, told + 1, told + 1, "", "boss@example.org")
    ]


WAITS = {
    "a deferred mail": {},
    "mail that was left": {"waiting": 3, "oldest": NOW - 61 * MINUTE},
    "unclaimed mail": {"unclaimed": 3, "unclaimed_since": NOW - 61 * MINUTE},
}


@pytest.mark.parametrize("kind", WAITS)
def test_mail_that_waits_makes_a_service_unusual_until_it_waits_no_longer(trac_env: TracEnv, kind: str) -> None:
    """Although its rounds go well; with `overdue=0` never. Once told, it has recovered only when nothing waits."""
    service(trac_env, "busy", overdue=60, delay=1, last_run=NOW, last_success=NOW, **WAITS[kind])
    if kind == "a deferred mail":
        with trac_env.env.db_transaction as db:
            insert = "INSERT INTO mailintake_delivery (service, state, seen) VALUES ('busy', %s, %s)"
            db(insert, ("deferred", NOW - 61 * MINUTE))
            db(insert, ("held", 1))
            db(insert, ("created", 1))
    [found] = unusual(trac_env.env, NOW)
    assert (found.name, found.backlog.since) == ("busy", NOW - 61 * MINUTE)
    assert found.backlog.why is not None
    assert unusual(trac_env.env, Microseconds(NOW - 2 * MINUTE)) == []
    change(trac_env, "busy", overdue=0)
    assert unusual(trac_env.env, NOW) == []
    change(trac_env, "busy", overdue=60, told=NOW - 61 * MINUTE)
    assert unusual(trac_env.env, NOW) == []
    change(trac_env, "busy", waiting=0, unclaimed=0)
    with trac_env.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='created'")
    assert [each.name for each in unusual(trac_env.env, NOW)] == ["busy"]


def test_a_database_that_cannot_be_read_is_a_temporary_failure(sqlite_env: TracEnv) -> None:
    """Cron tries again in a minute."""
    with sqlite_env.env.db_transaction as db:
        db("ALTER TABLE mailintake_service RENAME TO mailintake_gone")
    with pytest.raises(TemporaryFailure):
        due(sqlite_env.env, NOW)
    with pytest.raises(TemporaryFailure):
        unusual(sqlite_env.env, NOW)
