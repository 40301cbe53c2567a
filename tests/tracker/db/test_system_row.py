"""A value in Trac's `system` table, which several processes store at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Final

import pytest

from trac_mailintake.tracker.db import system_row

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

AT_ONCE: Final = 4
ROUNDS: Final = 25


@pytest.fixture(params=["sqlite_env", "postgres_env", "mariadb_env"])
def trac(request: pytest.FixtureRequest) -> TracEnv:
    """An environment on each database."""
    found: TracEnv = request.getfixturevalue(request.param)
    return found


def stored(trac: TracEnv) -> list[tuple[object, ...]]:
    """The values of the row."""
    return trac.query("SELECT value FROM system WHERE name='mailintake_test'")


def test_the_last_value_is_stored_and_none_removes_it(trac: TracEnv) -> None:
    """There is one row at most."""
    for value in ("first", "second"):
        system_row.write(trac.env, "mailintake_test", value)
        assert stored(trac) == [(value,)]
    system_row.write(trac.env, "mailintake_test", "")
    assert stored(trac) == []


def test_nobody_fails_because_others_write_it_at_once(trac: TracEnv) -> None:
    """One of their values is stored; databases refuse the second new row of a name."""
    for number in range(ROUNDS):
        together = Barrier(AT_ONCE)

        def write(value: str, together: Barrier = together) -> None:
            together.wait()
            system_row.write(trac.env, "mailintake_test", value)

        values = [f"{number} {each}" for each in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(write, values))
        assert stored(trac)[0][0] in values
        system_row.write(trac.env, "mailintake_test", "")
