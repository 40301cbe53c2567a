"""Nothing waits because the clock was wrong or stands still."""

from __future__ import annotations

from glob import glob
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Rig, mail
from trac_mailintake.tracker.db.transaction import DAY, SECOND, now
from trac_mailintake.tracker.deliveries.retention import purge_daily
from trac_mailintake.tracker.outgoing.waiting import PURGED, anything_owed
from trac_mailintake.tracker.people.contacts import ACCOUNTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

YEAR: Final = 365 * DAY
_LIBRARY: Final = "/usr/lib/*/faketime/libfaketime.so.1"


@pytest.fixture(params=["sqlite_env", "mariadb_env"])
def trac(request: pytest.FixtureRequest) -> TracEnv:
    """An environment on a database that counts what was found, and on one that counts what changed."""
    found: TracEnv = request.getfixturevalue(request.param)
    return found


@pytest.mark.skipif(not glob(_LIBRARY), reason="libfaketime is not installed")
def test_a_clock_that_stands_still_stops_nobody(trac: TracEnv, tmp_path: Path) -> None:
    """A lease that is renewed is the same then: where only changes are counted, it would seem to be somebody else's."""
    rig = Rig(trac, tmp_path)
    rig.drop(*(mail(f"Request {number}") for number in range(3)))
    trac.close()
    still = {"FAKETIME": "2026-11-02 10:00:00", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    finished = trac.admin("mailintake", "run", environment={"LD_PRELOAD": glob(_LIBRARY)[0], **still})
    assert (finished.status, finished.out) == (0, "support: 3 created\n"), finished


def test_the_days_purge_does_not_wait_for_a_wrong_clocks_time(trac_env: TracEnv, tmp_path: Path) -> None:
    """The clock was a year ahead when it was last done."""
    rig = Rig(trac_env, tmp_path)
    rig.drop(mail())
    rig.run()
    purge_daily(trac_env.env)
    assert not anything_owed(trac_env.env, now())
    with trac_env.env.db_transaction as db:
        db("UPDATE system SET value=%s WHERE name=%s", (str(now() + YEAR), PURGED))
    assert anything_owed(trac_env.env, now())
    purge_daily(trac_env.env)
    assert not anything_owed(trac_env.env, now())


@pytest.mark.parametrize("column", ["retry_at", "lease"])
def test_an_account_does_not_wait_for_a_wrong_clocks_time(trac_env: TracEnv, column: str) -> None:
    """Five minutes ahead is waited for, a year is not."""
    with trac_env.env.db_transaction as db:
        db(
            "INSERT INTO mailintake_contact (hash, address, username, made, attempts, fence, retry_at, lease) "
            "VALUES ('x', 'ann@example.com', 'ann', 0, 1, 1, 0, 0)"
        )
    for ahead, is_owed in ((0, True), (300 * SECOND, False), (YEAR, True)):
        with trac_env.env.db_transaction as db:
            db(f"UPDATE mailintake_contact SET {column}=%s", (now() + ahead,))
        assert ACCOUNTS.any_due(trac_env.env) is is_owed
