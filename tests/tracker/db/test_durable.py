"""A commit that a power cut does not undo; and what is said where the database promises none."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from trac.db.api import DatabaseManager

from tests.servers.mariadb import MariaDB
from tests.servers.required import running
from tests.servers.tracenv import TracEnv
from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.tracker.db.durable import durable, weaknesses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

INSERT = "INSERT INTO mailintake_notice (hash, recorded) VALUES (%s, 0)"
ROWS = "SELECT hash FROM mailintake_notice ORDER BY hash"
EXTRA, FULL = 3, 2


def synchronous(trac: TracEnv) -> int:
    """What SQLite's connection of this thread is set to now; it may be in a transaction."""
    with closing(DatabaseManager(trac.env).get_connection()) as connection:
        return int(connection.cnx.cnx.execute("PRAGMA synchronous").fetchone()[0])


@pytest.mark.sqlite
def test_sqlite_flushes_all_within_and_is_afterwards_as_it_was(sqlite_env: TracEnv) -> None:
    """Whatever ended the transaction before: the pool hands its connection on to web requests, and to the next one."""
    with durable(sqlite_env.env) as db:
        db(INSERT, ("a",))
        assert synchronous(sqlite_env) == EXTRA
    assert synchronous(sqlite_env) == FULL
    with pytest.raises(ZeroDivisionError), durable(sqlite_env.env) as db:  # noqa: PT012 - the block is the transaction
        db(INSERT, ("b",))
        1 / 0  # noqa: B018 - what fails
    assert synchronous(sqlite_env) == FULL
    with durable(sqlite_env.env) as db:
        db(INSERT, ("c",))
        assert synchronous(sqlite_env) == EXTRA
    assert sqlite_env.query(ROWS) == [("a",), ("c",)]


@pytest.mark.sqlite
def test_sqlite_flushes_all_after_a_commit_that_was_refused(sqlite_env: TracEnv) -> None:
    """Somebody was reading, so the commit failed. Trac leaves that transaction open; the next must not continue it."""
    sqlite_env.set(("trac", "database", "sqlite:db/trac.db?timeout=0"))
    path = sqlite_env.path / "db" / "trac.db"
    with reading(path), pytest.raises(TemporaryFailure, match="locked"), durable(sqlite_env.env) as db:
        db(INSERT, ("a",))
    refused = pytest.raises(sqlite3.OperationalError, match="locked")
    with reading(path), refused as kept, sqlite_env.env.db_transaction as db:
        db(INSERT, ("b",))
    with durable(sqlite_env.env) as db:
        db(INSERT, ("c",))
        assert synchronous(sqlite_env) == EXTRA
    assert kept.traceback  # which holds the connection until here
    assert sqlite_env.query(ROWS) == [("c",)]
    assert synchronous(sqlite_env) == FULL


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Somebody else reads the database for the time of the block: nothing can be committed."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT COUNT(*) FROM ticket").fetchone()
        yield


def test_nothing_is_durable_inside_another_transaction(trac_env: TracEnv) -> None:
    """The outer transaction decides when it commits, so this is refused: the mail stays where it is."""
    with trac_env.env.db_transaction as outer:
        outer(INSERT, ("a",))
        with pytest.raises(TemporaryFailure, match="another transaction"), durable(trac_env.env):
            pytest.fail("the block began")
    assert trac_env.query(ROWS) == [("a",)]


@pytest.fixture
def lazy(postgres_env: TracEnv) -> Iterator[Callable[[str], None]]:
    """Sets what the commits of this environment's role wait for."""

    def wait_for(what: str) -> None:
        with postgres_env.env.db_transaction as db:
            db(f"ALTER ROLE CURRENT_USER SET synchronous_commit = {what}")
        postgres_env.reopen()

    yield wait_for
    with postgres_env.env.db_transaction as db:
        db("ALTER ROLE CURRENT_USER RESET synchronous_commit")


def test_postgresql_waits_for_its_disk(postgres_env: TracEnv, lazy: Callable[[str], None]) -> None:
    """What was written is flushed when the block is over, though the role need not wait for that otherwise."""
    lazy("off")
    for number in range(5):
        with durable(postgres_env.env) as db:
            db(INSERT, (f"row {number}",))
            [(written,)] = db("SELECT pg_current_wal_insert_lsn()")
        assert postgres_env.query("SELECT pg_current_wal_flush_lsn() > %s::pg_lsn", written) == [(True,)]
        assert postgres_env.query("SELECT current_setting('synchronous_commit')") == [("off",)]


@pytest.mark.parametrize("more", ["local", "remote_write", "on", "remote_apply"])
def test_postgresql_waits_for_no_less_than_it_would(
    postgres_env: TracEnv, lazy: Callable[[str], None], more: str
) -> None:
    """All of these wait for its own disk; some for another server's, too."""
    lazy(more)
    with durable(postgres_env.env) as db:
        assert db("SELECT current_setting('synchronous_commit')") == [(more,)]


# what no transaction makes good


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("", []),
        ("?journal_mode=WAL", []),
        ("?journal_mode=TRUNCATE&synchronous=NORMAL", []),
        ("?journal_mode=MEMORY", ["journal_mode=MEMORY"]),
        ("?synchronous=OFF", ["synchronous=OFF"]),
        ("?journal_mode=MEMORY&synchronous=0", ["journal_mode=MEMORY", "synchronous=OFF"]),
    ],
)
def test_sqlite_set_to_be_quick_is_told_of(sqlite_env: TracEnv, settings: str, words: list[str]) -> None:
    """By `status`, for monitoring too, and as soon as a service is added; what can be made good is not."""
    sqlite_env.set(("trac", "database", f"sqlite:db/trac.db{settings}"))
    said_everywhere(sqlite_env, words)


@pytest.mark.parametrize("words", [["fsync=off", "full_page_writes=off"]])
def test_a_postgresql_that_flushes_nothing_is_told_of(postgres_env: TracEnv, words: list[str]) -> None:
    """As the tests' own does."""
    said_everywhere(postgres_env, words)


def test_a_mariadb_that_flushes_now_and_then_is_told_of(mariadb_env: TracEnv) -> None:
    """As the tests' own does."""
    others = ["innodb_flush_method=nosync", "innodb_doublewrite=OFF"]
    said_everywhere(mariadb_env, ["innodb_flush_log_at_trx_commit=0", *others])
    with mariadb_env.env.db_transaction as db:
        db("SET GLOBAL innodb_flush_log_at_trx_commit=1")
    try:
        said_everywhere(mariadb_env, others)
    finally:
        with mariadb_env.env.db_transaction as db:
            db("SET GLOBAL innodb_flush_log_at_trx_commit=0")


@pytest.fixture
def logging(tmp_path: Path) -> Iterator[TracEnv]:
    """An environment on a MariaDB as it is installed, but with a binary log."""
    with running(MariaDB(kept=True, options=("--log-bin=log", "--server-id=1"))) as server:
        trac = TracEnv.create(tmp_path / "env", database=server.fresh_database())
        trac.upgrade()
        with closing(trac):
            yield trac


@pytest.mark.slow
def test_a_mariadb_whose_binary_log_is_not_flushed_is_told_of(logging: TracEnv) -> None:
    """Its recovery undoes what that log has lost; not one that flushes both logs with each commit."""
    with logging.env.db_transaction as db:
        db("SET GLOBAL innodb_flush_log_at_trx_commit=1")
    said_everywhere(logging, ["sync_binlog=0"])
    with logging.env.db_transaction as db:
        db("SET GLOBAL sync_binlog=1")
    said_everywhere(logging, [])


@pytest.mark.sqlite
def test_the_panels_tell_of_it(sqlite_env: TracEnv) -> None:
    """*Status*, and *Services* when one was added, in words that a page can show."""
    sqlite_env.grant("admin", "TRAC_ADMIN")
    sqlite_env.set(("trac", "database", "sqlite:db/trac.db?synchronous=OFF"))
    sentence = "A power cut can lose mail: with synchronous=OFF"
    with sqlite_env.serve("admin") as tracd:
        visitor = tracd.visitor("admin")
        assert sentence in visitor.get("/admin/mailintake/status").text
        form = {"kind": "pipe", "handler": "create", "name": "added", "enabled": "1", "start": "all", "delay": "1"}
        assert visitor.post("/admin/mailintake/services", {**form, "save": "add"}).status == 303
        assert sentence in visitor.get("/admin/mailintake/services").text


def said_everywhere(trac: TracEnv, words: list[str]) -> None:
    """`status`, its JSON, and `service add` say a sentence with each of the words, and no more of them."""
    assert trac.command("mailintake", "service", "remove", "there").status in (0, 2)
    added = trac.command("mailintake", "service", "add", "there", "kind=pipe", "handler=create")
    status = trac.command("mailintake", "status")
    found: dict[str, Any] = json.loads(trac.command("mailintake", "status", "--json").out)
    for said in (added.out, status.out, "\n".join(found["power_cut"])):
        lines = [line for line in said.splitlines() if "A power cut can lose mail" in line]
        assert len(lines) == len(words), said
        assert all(word in line for word, line in zip(words, lines, strict=True)), said
    assert list(weaknesses(trac.env)) == found["power_cut"]
    assert (added.status, status.status) == (0, 0)
