"""A transaction is whole or nothing, whatever happens to its database, and what fails is named rightly."""

from __future__ import annotations

import errno
import random
import sqlite3
from contextlib import closing
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Final

import pytest
from trac.db.pool import TimeoutError as NoConnection
from trac.util.datefmt import datetime_now, to_utimestamp, utc

from trac_mailintake.intake.errors import Stale, TemporaryFailure
from trac_mailintake.tracker.db.transaction import (
    CHUNK,
    MINUTE,
    Collision,
    by_index,
    chunks,
    is_mariadb,
    is_postgresql,
    is_sqlite,
    key,
    marks,
    named,
    now,
    temporary,
    transaction,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.tracker.db.transaction import Connection

DATABASES: Final = {"sqlite_env": is_sqlite, "postgres_env": is_postgresql, "mariadb_env": is_mariadb}


@pytest.fixture(params=DATABASES)
def trac(request: pytest.FixtureRequest) -> TracEnv:
    """An environment on each database."""
    found: TracEnv = request.getfixturevalue(request.param)
    return found


def add(db: Connection, name: str, since: int = 0) -> None:
    """Insert a row; there may be only one of each name."""
    db("INSERT INTO mailintake_mailbox (account, since) VALUES (%s, %s)", (name, since))


def names(trac: TracEnv) -> list[str]:
    """The rows that are committed, as another process would see them."""
    trac.reopen()
    return [str(name) for (name,) in trac.query("SELECT account FROM mailintake_mailbox ORDER BY account")]


def apart(work: Callable[[], None]) -> None:
    """Do it in a thread, which has a connection of its own, and wait for its end."""
    failures: list[Exception] = []

    def guarded() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)

    thread = Thread(target=guarded)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


# whole or nothing ----------------------------------------------------------------------------------------------------


def test_what_fails_within_is_undone_whole(trac: TracEnv) -> None:
    """The failure is the caller's own; the next transaction of this thread begins anew."""
    with pytest.raises(ValueError, match="a mistake"), transaction(trac.env) as db:  # noqa: PT012 - the block is the transaction
        add(db, "one")
        raise ValueError("a mistake")
    with transaction(trac.env) as db:
        add(db, "two")
    assert names(trac) == ["two"]


def test_whoever_ends_the_process_leaves_nothing_half(trac: TracEnv) -> None:
    """A plugin that raises SystemExit is no failure of the database."""
    with pytest.raises(SystemExit), transaction(trac.env) as db:  # noqa: PT012 - the block is the transaction
        add(db, "one")
        raise SystemExit(3)
    assert names(trac) == []


def test_a_transaction_within_another_ends_with_it(trac: TracEnv) -> None:
    """What the outer one gives up, the inner one has not kept."""
    with pytest.raises(ValueError, match="given up"), transaction(trac.env) as outer:  # noqa: PT012 - the block is the transaction
        add(outer, "one")
        with transaction(trac.env) as inner:
            add(inner, "two")
        raise ValueError("given up")
    with transaction(trac.env) as outer:
        add(outer, "three")
        with transaction(trac.env) as inner:
            add(inner, "four")
    assert names(trac) == ["four", "three"]


def test_two_who_insert_the_same_collide(trac: TracEnv) -> None:
    """The later one is undone whole, and may decide anew at once, or later."""
    with transaction(trac.env) as db:
        add(db, "one")
    with pytest.raises(Collision) as raised, transaction(trac.env) as db:  # noqa: PT012 - the block is the transaction
        add(db, "before it")
        add(db, "one", since=1)
    assert isinstance(raised.value, Stale)
    assert isinstance(raised.value, TemporaryFailure)
    assert names(trac) == ["one"]


@pytest.mark.parametrize("database", ["postgres_env", "mariadb_env"])
def test_of_two_who_wait_for_one_another_one_is_undone(request: pytest.FixtureRequest, database: str) -> None:
    """It is told that it collided; the other one goes on. SQLite has one writer at a time."""
    trac: TracEnv = request.getfixturevalue(database)
    env = trac.env
    with transaction(env) as db:
        add(db, "one")
        add(db, "two")
    both = Barrier(2, timeout=30)
    collided: list[Collision] = []

    def work(first: str, second: str, mark: int) -> None:
        try:
            with transaction(env) as db:
                db("UPDATE mailintake_mailbox SET since=%s WHERE account=%s", (mark, first))
                db("SELECT 1")  # what is queued until the next question is sent
                both.wait()
                db("UPDATE mailintake_mailbox SET since=%s WHERE account=%s", (mark, second))
        except Collision as collision:
            collided.append(collision)

    workers = [Thread(target=work, args=words) for words in (("one", "two", 1), ("two", "one", 2))]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    assert len(collided) == 1
    (one,), (two,) = trac.query("SELECT since FROM mailintake_mailbox")
    assert one == two != 0


@pytest.mark.parametrize("database", ["postgres_env", "mariadb_env"])
def test_what_others_commit_meanwhile_is_seen(request: pytest.FixtureRequest, database: str) -> None:
    """Otherwise two comments would get one number. SQLite lets nobody commit while another one writes."""
    trac: TracEnv = request.getfixturevalue(database)
    env = trac.env

    def meanwhile() -> None:
        with transaction(env) as other:
            add(other, "theirs")

    with transaction(env) as db:
        add(db, "ours")
        assert db("SELECT COUNT(*) FROM mailintake_mailbox") == [(1,)]
        apart(meanwhile)
        assert db("SELECT COUNT(*) FROM mailintake_mailbox") == [(2,)]


# when the database cannot ---------------------------------------------------------------------------------------------


@pytest.fixture
def hasty(sqlite_env: TracEnv) -> TracEnv:
    """An environment on SQLite that does not wait long for a lock."""
    sqlite_env.set(("trac", "database", "sqlite:db/trac.db?timeout=1"))
    return sqlite_env


@pytest.mark.sqlite
@pytest.mark.parametrize("lock", ["BEGIN; SELECT * FROM mailintake_mailbox", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_commit_that_is_refused_is_not_made_up_for_later(hasty: TracEnv, lock: str) -> None:
    """Somebody reads, or writes, for so long that SQLite gives up: nothing of it is in the next transaction."""
    with transaction(hasty.env) as db:
        add(db, "before")
    with closing(sqlite3.connect(hasty.path / "db" / "trac.db", isolation_level=None)) as other:
        for statement in lock.split(";"):
            other.execute(statement).fetchone()
        with pytest.raises(TemporaryFailure, match="locked"), transaction(hasty.env) as db:
            add(db, "refused")
        other.execute("ROLLBACK")
    with transaction(hasty.env) as db:
        add(db, "after")
    assert names(hasty) == ["after", "before"]


def test_a_connection_that_dies_within_is_replaced(postgres_env: TracEnv) -> None:
    """No mail's fault, nothing half written, and this thread's next transaction has another connection."""
    env = postgres_env.env

    def kill(number: int) -> None:
        with env.db_query as db:
            db("SELECT pg_terminate_backend(%s)", (number,))

    with pytest.raises(TemporaryFailure, match="The database could not be used"), transaction(env) as db:  # noqa: PT012 - the block is the transaction
        add(db, "one")
        [(number,)] = db("SELECT pg_backend_pid()")
        apart(lambda: kill(number))
        add(db, "two")
    with transaction(env) as db:
        add(db, "three")
    assert names(postgres_env) == ["three"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "The disk could not be used: No space left on device"),
        (errno.EDQUOT, "The disk could not be used: Disk quota exceeded"),
        (errno.EROFS, "The disk could not be used: Read-only file system"),
        (errno.EIO, "The disk could not be used: Input/output error"),
        (errno.EMFILE, "The disk could not be used: Too many open files"),
    ],
)
def test_a_disk_that_cannot_is_named_with_its_file(sqlite_env: TracEnv, code: int, said: str) -> None:
    """If there is one; the mail is not to blame, and is tried again."""
    for words, end in (((), ""), (("/srv/archive/1.mails",), " (/srv/archive/1.mails)")):
        with pytest.raises(TemporaryFailure) as raised, temporary(sqlite_env.env):
            raise OSError(code, said.partition(": ")[2], *words)
        assert str(raised.value) == said + end


def test_what_passes_by_itself_is_told_from_mistakes(trac: TracEnv) -> None:
    """A mistake is raised as it is, and counts against the mail over which it was made."""
    env = trac.env
    for passing in (MemoryError(), NoConnection("no connection for 30 s"), env.db_exc.OperationalError("gone away")):
        found = named(env, passing)
        assert isinstance(found, TemporaryFailure)
        assert not isinstance(found, Stale)
    for mistake in (ValueError("x"), FileNotFoundError(errno.ENOENT, "x"), env.db_exc.ProgrammingError("x")):
        assert named(env, mistake) is mistake
        with pytest.raises(type(mistake)) as raised, temporary(env):
            raise mistake
        assert raised.value is mistake


def test_the_cause_is_told_and_not_that_nothing_could_be_undone(trac: TracEnv) -> None:
    """PyMySQL's last error says that there is nothing to roll back."""
    error = trac.env.db_exc.Error("Already closed")
    error.__context__ = trac.env.db_exc.OperationalError("Lost connection\n")
    assert str(named(trac.env, error)) == "The database could not be used: Lost connection"


# words and lists -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fixture", DATABASES)
def test_an_environment_has_one_kind_of_database(request: pytest.FixtureRequest, fixture: str) -> None:
    """Whatever options its connection string has."""
    env = request.getfixturevalue(fixture).env
    assert [kind for kind in DATABASES.values() if kind(env)] == [DATABASES[fixture]]


def test_an_order_by_an_index_may_be_asked_for_everywhere(trac: TracEnv) -> None:
    """Where it would not help it is left out; the rows are the same."""
    with transaction(trac.env) as db:
        for number in range(5):
            add(db, f"box {number}", since=number)
    order = by_index(trac.env, "since")
    found = trac.query(f"SELECT account FROM mailintake_mailbox WHERE since>1 {order}")
    assert sorted(found) == [("box 2",), ("box 3",), ("box 4",)]
    assert order == "" or found == sorted(found)


@pytest.mark.parametrize("seed", range(20))
def test_lists_of_values_are_cut_without_loss(seed: int) -> None:
    """In order, none longer than asked for, and only the last one shorter."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    size = chance.choice([1, 2, 7, CHUNK])
    values = [chance.random() for _ in range(chance.choice([0, 1, size, size + 1, 5 * size, 1000]))]
    found = list(chunks(iter(values), size))
    assert [value for some in found for value in some] == values
    assert all(len(some) == size for some in found[:-1])
    assert all(0 < len(some) <= size for some in found)


def test_a_list_has_a_mark_for_each_value(sqlite_env: TracEnv) -> None:
    """Also the longest that is ever used."""
    for values in ([1], [1, 2], list(range(CHUNK))):
        [(found,)] = sqlite_env.env.db_query(f"SELECT 1 WHERE {values[-1]} IN ({marks(values)})", values)
        assert found == 1


@pytest.mark.parametrize("seed", range(20))
def test_keys_are_those_of_the_words_and_of_their_number(seed: int) -> None:
    """Whichever letters they are of, even those that are none."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    letters = ["a", "B", " ", "é", "\N{PILE OF POO}", "\udcff", "\n", ""]
    lists = {
        tuple("".join(chance.choices(letters, k=chance.randrange(4))) for _ in range(chance.randrange(1, 4)))
        for _ in range(300)
    }
    keys = {key(*words) for words in lists}
    assert len(keys) == len(lists)
    assert all(len(each) == 64 and set(each) <= set("0123456789abcdef") for each in keys)


def test_now_is_a_moment_of_tracs() -> None:
    """In microseconds since 1970, UTC."""
    before = to_utimestamp(datetime_now(utc))
    assert before - MINUTE <= now() <= to_utimestamp(datetime_now(utc)) + MINUTE
