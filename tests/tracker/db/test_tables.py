"""The tables are made whole, whatever a crash has left of them, and what has rows is never thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.db import DatabaseManager

from tests.tracker.db.upgrades.version1 import catalogue
from trac_mailintake.tracker.db.schema import FIRST, NAME, SCHEMA, VERSION
from trac_mailintake.tracker.db.tables import make_tables

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


@pytest.fixture(params=["sqlite_env", "postgres_env", "mariadb_env"])
def trac(request: pytest.FixtureRequest) -> TracEnv:
    """An environment with a fresh install, on each database, whose version is lost."""
    made: TracEnv = request.getfixturevalue(request.param)
    with made.env.db_transaction as db:
        db("DELETE FROM {} WHERE name=%s".format(db.quote("system")), (NAME,))
    return made


def version(trac: TracEnv) -> int:
    """What is stored."""
    return int(DatabaseManager(trac.env).get_database_version(NAME))


@pytest.mark.parametrize("left", [0, 1, len(SCHEMA) // 2, len(SCHEMA)])
def test_tables_are_made_whole_from_what_a_crash_left(trac: TracEnv, left: int) -> None:
    """No table, some of them without indexes, or all: then they are as in a fresh install, of the newest version."""
    wanted = catalogue(trac)
    manager = DatabaseManager(trac.env)
    manager.drop_tables(SCHEMA)
    for table in SCHEMA[:left]:
        columns = ", ".join(f"{column.name} integer" for column in table.columns[:2])
        with trac.env.db_transaction as db:
            db(f"CREATE TABLE {table.name} ({columns})")
    make_tables(trac.env)
    assert catalogue(trac) == wanted
    assert version(trac) == VERSION


def test_rows_stay_and_say_that_the_tables_are_old(trac: TracEnv) -> None:
    """A database that was restored in part: its empty tables are made anew, and the first version is upgraded."""
    wanted = catalogue(trac)
    manager = DatabaseManager(trac.env)
    manager.drop_tables([table for table in SCHEMA if table.name == "mailintake_outbox"])
    with trac.env.db_transaction as db:
        db("INSERT INTO mailintake_server (name, host) VALUES ('main', 'mail.example.org')")
    make_tables(trac.env)
    assert catalogue(trac) == wanted
    assert trac.query("SELECT name, host FROM mailintake_server") == [("main", "mail.example.org")]
    assert version(trac) == FIRST
