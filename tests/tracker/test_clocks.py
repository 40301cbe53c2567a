"""A clock that was wrong keeps nothing from being done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Rig, mail
from trac_mailintake.tracker.database import DAY, SECOND, now
from trac_mailintake.tracker.promises import owed
from trac_mailintake.tracker.purge import purge_daily
from trac_mailintake.tracker.queue import PURGED, anything_owed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

YEAR: Final = 365 * DAY


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
        assert owed(trac_env.env) is is_owed
