"""What waits to be sent, and whether a run has anything to do besides fetching."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.transaction import DAY, SECOND, now
from trac_mailintake.tracker.outgoing.waiting import PURGED, anything_owed, queued

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


def change(trac: TracEnv, sql: str, *arguments: object) -> None:
    """Make something of the past."""
    with trac.env.db_transaction as db:
        db(sql, arguments)


def purged(trac: TracEnv, ago: int) -> None:
    """The last purge was so many microseconds ago."""
    change(trac, "DELETE FROM system WHERE name=%s", PURGED)
    change(trac, "INSERT INTO system (name, value) VALUES (%s, %s)", PURGED, str(now() - ago))


def test_what_waits_is_listed_in_the_order_in_which_it_was_written(sqlite_env: TracEnv) -> None:
    """With what has been tried, and without what was sent."""
    began = now()
    with sqlite_env.env.db_transaction as db:
        for kind, delivery in (("forward", 3), ("alert", None), ("notice", 5)):
            letters.write(db, kind, SERVICE, delivery)
        db("UPDATE mailintake_outbox SET sent=1 WHERE kind='alert'")
        db("UPDATE mailintake_outbox SET attempts=2, retry_at=7, failure='451 later' WHERE kind='forward'")
    first, second = queued(sqlite_env.env)
    assert (first.kind, first.delivery, first.attempts, first.retry_at) == ("forward", 3, 2, 7)
    assert (first.service, first.failure) == (SERVICE, "451 later")
    assert began <= first.created <= second.created <= now()
    assert (second.kind, second.delivery, second.attempts, second.failure) == ("notice", 5, 0, "")


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("sql", "owed"),
    [
        ("UPDATE mailintake_delivery SET notify=1", True),
        ("UPDATE mailintake_delivery SET notify=0", False),
        ("UPDATE mailintake_outbox SET sent=0", True),
        ("UPDATE mailintake_outbox SET sent=0, retry_at=9000000000000000", False),
        ("UPDATE mailintake_contact SET made=0", True),
        ("UPDATE mailintake_contact SET made=0, retry_at=9000000000000000", False),
    ],
)
def test_a_run_looks_for_each_kind_of_work(sqlite_env: TracEnv, tmp_path: Path, sql: str, *, owed: bool) -> None:
    """Mail, notifications and accounts; not for what waits for its next try."""
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail())
    rig.run()
    purged(sqlite_env, 0)
    with sqlite_env.env.db_transaction as db:
        letters.write(db, "notice", SERVICE, 1)
        db("UPDATE mailintake_outbox SET sent=1")
        db(
            "INSERT INTO mailintake_contact (address, username, made, fence, lease, attempts, retry_at) "
            "VALUES ('ann@example.com', 'ann', 1, 0, 0, 0, 0)"
        )
    change(sqlite_env, "UPDATE mailintake_delivery SET notify=0")
    assert not anything_owed(sqlite_env.env, now())
    change(sqlite_env, sql.replace("9000000000000000", str(now() + 600 * SECOND)))
    assert anything_owed(sqlite_env.env, now()) is owed


@pytest.mark.sqlite
def test_the_archive_is_purged_once_a_day(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Also where each mail is handed over, so that no round does it; and not before there is an archive."""
    assert not anything_owed(sqlite_env.env, now())
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail())
    rig.run()
    change(sqlite_env, "UPDATE mailintake_delivery SET notify=0")
    change(sqlite_env, "DELETE FROM system WHERE name=%s", PURGED)
    assert anything_owed(sqlite_env.env, now())
    for ago, due in ((0, False), (DAY - 60 * SECOND, False), (DAY + 60 * SECOND, True)):
        purged(sqlite_env, ago)
        assert anything_owed(sqlite_env.env, Microseconds(now())) is due
