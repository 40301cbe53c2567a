"""The step to version 2, on an environment of version 1 with all that can lie in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from trac.db import DatabaseManager

from tests.tracker.db.upgrades.version1 import catalogue, rebuild
from trac_mailintake.tracker.db.schema import NAME, VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

DATABASES: Final = ("sqlite_env", "postgres_env", "mariadb_env")


@pytest.fixture(params=DATABASES)
def fresh(request: pytest.FixtureRequest) -> TracEnv:
    """An environment with a fresh install, on each database."""
    trac: TracEnv = request.getfixturevalue(request.param)
    return trac


def test_an_upgraded_environment_has_the_tables_of_a_fresh_one(fresh: TracEnv, tmp_path: Path) -> None:
    """The same columns, types and indexes, as the database itself names them."""
    wanted = catalogue(fresh)
    rebuild(fresh, tmp_path / "mail")
    assert catalogue(fresh) != wanted
    assert DatabaseManager(fresh.env).get_database_version(NAME) == 1
    fresh.close()
    upgraded = fresh.admin("upgrade", "--no-backup")
    assert (upgraded.status, upgraded.err) == (0, ""), upgraded
    assert catalogue(fresh) == wanted
    assert DatabaseManager(fresh.env).get_database_version(NAME) == VERSION
