"""The step to version 2, on an environment of version 1 with all that can lie in it."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Final

import pytest
from trac.db import DatabaseManager

from tests.tracker.db.upgrades.version1 import catalogue, rebuild
from tests.waiting import until
from trac_mailintake.tracker.db.schema import NAME, SCHEMA, VERSION
from trac_mailintake.tracker.db.upgrades.db2 import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trac.env import Environment

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


def test_tables_that_lost_their_version_are_upgraded(fresh: TracEnv, tmp_path: Path) -> None:
    """They have rows, so they are no left-overs of a crash; without the step the plugin would take them for its own."""
    wanted = catalogue(fresh)
    rebuild(fresh, tmp_path / "mail")
    with fresh.env.db_transaction as db:
        db("DELETE FROM {} WHERE name=%s".format(db.quote("system")), (NAME,))
    fresh.reopen().upgrade()
    assert catalogue(fresh) == wanted
    assert DatabaseManager(fresh.env).get_database_version(NAME) == VERSION
    assert fresh.command("mailintake", "held", "list").status == 0


class DiedError(Exception):
    """The upgrade ended before one of its statements."""


class Fuse(logging.Handler):
    """Lets the upgrade die before its statement `number`, from 0; Trac logs each one first ([trac] debug_sql)."""

    def __init__(self, number: int) -> None:
        super().__init__(logging.DEBUG)
        self.left = number

    def emit(self, record: logging.LogRecord) -> None:
        """Trac is about to run a statement."""
        if record.msg.startswith("SQL: "):
            self.left -= 1
            if self.left < 0:
                raise DiedError(record.getMessage())


@contextmanager
def fused(trac: TracEnv, number: int) -> Iterator[Fuse]:
    """The environment, whose next upgrade dies."""
    trac.reopen()
    fuse = Fuse(number)
    trac.env.log.addHandler(fuse)
    try:
        yield fuse
    finally:
        trac.env.log.removeHandler(fuse)


def upgraded(trac: TracEnv, number: int = 10_000) -> bool:
    """Upgrade, and die before the statement `number`. Returns whether there were no more."""
    with fused(trac, number):
        try:
            trac.env.upgrade()
        except DiedError:
            return False
    return True


def rows(trac: TracEnv) -> dict[str, list[tuple[object, ...]]]:
    """All that is in our tables."""
    found = {}
    for table in SCHEMA:
        names = ", ".join(column.name for column in table.columns)
        found[table.name] = trac.query(f"SELECT {names} FROM {table.name} ORDER BY id")
    return found


@pytest.fixture
def old(sqlite_env: TracEnv, tmp_path: Path) -> TracEnv:
    """An environment of version 1 that can be copied."""
    rebuild(sqlite_env, tmp_path / "mail")
    sqlite_env.set(("trac", "debug_sql", "enabled"))
    return sqlite_env


@pytest.mark.sqlite
def test_a_step_that_died_before_any_statement_is_repeated(old: TracEnv, tmp_path: Path) -> None:
    """Each in turn; nothing is lost, and the next upgrade comes to the same."""
    with closing(old.copied(tmp_path / "undisturbed")) as trac:
        before = trac.query("SELECT * FROM mailintake_delivery ORDER BY id")
        assert upgraded(trac)
        wanted = catalogue(trac), rows(trac)
    number = 0
    while True:
        with closing(old.copied(tmp_path / f"died-{number}")) as trac:
            if upgraded(trac, number):
                break
            assert trac.reopen().needs_upgrade()
            assert trac.query("SELECT * FROM mailintake_delivery ORDER BY id") == before
            assert upgraded(trac)
            assert (catalogue(trac), rows(trac)) == wanted, number
        number += 1
    assert number > 30, "the step has fewer statements than its parts"


@pytest.mark.parametrize("database", ["postgres_env", "mariadb_env"])
def test_a_step_that_dies_again_and_again_comes_to_its_end(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Where each change of a table stays, the next try begins further on; where none stays, at the beginning."""
    trac: TracEnv = request.getfixturevalue(database)
    wanted = catalogue(trac)
    rebuild(trac, tmp_path / "mail")
    trac.set(("trac", "debug_sql", "enabled"))
    before = [row[0] for row in trac.query("SELECT service FROM mailintake_delivery ORDER BY id")]
    number = 0
    while not upgraded(trac, number):
        assert trac.reopen().needs_upgrade()
        number += 1
    assert number > len(PARTS), "each part can die"
    assert catalogue(trac) == wanted
    after = rows(trac)
    assert [row[2] for row in after["mailintake_delivery"]] == before
    states = [state for (state,) in trac.query("SELECT state FROM mailintake_delivery ORDER BY id")]
    assert states[3] == "held"
    assert states[17:22] == ["deferred"] * 5
    assert states[26:29] == ["claimed"] * 3
    assert upgraded(trac)


_KILLED: Final = """
import logging, os, signal, sys
from trac.env import Environment

class Fuse(logging.Handler):
    left = int(sys.argv[2])
    def emit(self, record):
        if record.msg.startswith("SQL: "):
            Fuse.left -= 1
            if Fuse.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

env = Environment(sys.argv[1])
env.log.addHandler(Fuse())
env.upgrade()
"""


@pytest.mark.sqlite
@pytest.mark.parametrize("number", [12, 20, 25])
def test_a_process_that_is_killed_in_the_step_loses_nothing(old: TracEnv, tmp_path: Path, number: int) -> None:
    """As by a power cut: SQLite takes back what the process had written."""
    with closing(old.copied(tmp_path / "killed")) as trac:
        before = trac.query("SELECT * FROM mailintake_delivery ORDER BY id")
        trac.close()
        killed = subprocess.run([sys.executable, "-c", _KILLED, str(trac.path), str(number)], check=False)
        assert killed.returncode == -9
        assert trac.query("SELECT * FROM mailintake_delivery ORDER BY id") == before
        assert upgraded(trac)
        assert not trac.reopen().needs_upgrade()


_OLD_WRITES: Final = (
    "INSERT INTO mailintake_delivery (outcome) VALUES (NULL)",
    "UPDATE mailintake_delivery SET lease=1 WHERE owner='x' AND outcome IS NULL AND (id=27 AND fence=1)",
    "UPDATE mailintake_delivery SET owner='y', fence=fence+1 WHERE id=27 AND fence=1 AND outcome IS NULL",
    "UPDATE mailintake_delivery SET outcome='created' WHERE id=27",
)
"""Version 1 listed, recorded and claimed with such statements; each transaction of an outcome began with the second."""


def test_a_run_of_version_1_that_was_not_stopped_files_nothing(fresh: TracEnv, tmp_path: Path) -> None:
    """Its statements fail, so its mail stays where it is; the next run takes it."""
    rebuild(fresh, tmp_path / "mail")
    fresh.env.upgrade()
    before = rows(fresh)
    for sql in _OLD_WRITES:
        errors = (fresh.env.db_exc.OperationalError, fresh.env.db_exc.ProgrammingError)
        with pytest.raises(errors, match="outcome"), fresh.env.db_transaction as db:
            db(sql)
    assert rows(fresh) == before


class OldRun(logging.Handler):
    """A run of version 1 that records an outcome just when the states are about to be filled."""

    def __init__(self, trac: TracEnv) -> None:
        super().__init__(logging.DEBUG)
        self._trac = trac
        self.answers: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Trac is about to run a statement of the upgrade."""
        if not record.getMessage().startswith("SQL: ") or " SET state=" not in record.getMessage():
            return
        try:
            with self._trac.env.db_transaction as db:
                db(_OLD_WRITES[-1])
            self.answers.append("written")
        except self._trac.env.db_exc.OperationalError as error:
            self.answers.append(str(error))


def test_a_run_of_version_1_writes_no_outcome_that_the_step_misses(mariadb_env: TracEnv, tmp_path: Path) -> None:
    """MariaDB lets others write between two changes of a table; elsewhere the table is locked."""
    rebuild(mariadb_env, tmp_path / "mail")
    mariadb_env.set(("trac", "debug_sql", "enabled"))
    with closing(type(mariadb_env)(mariadb_env.path, database=mariadb_env.database)) as other:
        other.env.db_query("SELECT id FROM mailintake_delivery")
        old = OldRun(other)
        mariadb_env.env.log.addHandler(old)
        mariadb_env.env.upgrade()
        mariadb_env.env.log.removeHandler(old)
    [answer] = old.answers
    assert "Unknown column 'outcome'" in answer


_BLOCKED: Final = {
    "postgres_env": "SELECT COUNT(*) FROM pg_locks WHERE NOT granted",
    "mariadb_env": "SELECT COUNT(*) FROM information_schema.processlist "
    "WHERE state LIKE 'Waiting for table%%' OR state='User lock'",
}


def wait_for(env: Environment, count: str, number: int = 1) -> None:
    """Until the database counts so many."""
    until(lambda: env.db_query(count)[0][0] >= number, what="nobody waits")


@pytest.mark.parametrize("database", _BLOCKED)
def test_two_upgrades_at_once_are_one_after_the_other(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """And both begin when a run of version 1 has recorded what it was about to."""
    trac: TracEnv = request.getfixturevalue(database)
    wanted = catalogue(trac)
    rebuild(trac, tmp_path / "mail")
    with ExitStack() as stack:
        with trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET outcome='created' WHERE id=27")
            both = [stack.enter_context(trac.start("upgrade", "--no-backup")) for _ in range(2)]
            # One that came too late would find nothing to do.
            with ThreadPoolExecutor() as pool:
                pool.submit(wait_for, trac.env, _BLOCKED[database], 2).result()
        said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert catalogue(trac) == wanted
    assert trac.query("SELECT state FROM mailintake_delivery WHERE id=27") == [("created",)]
