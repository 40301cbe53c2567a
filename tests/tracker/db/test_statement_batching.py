"""Writes within a transaction, on all databases; on PostgreSQL they are queued until the next query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.ticket.model import Ticket

from trac_mailintake.tracker.db.transaction import Collision, transaction

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

INSERT = "INSERT INTO mailintake_notice (hash, recorded) VALUES (%s, %s)"
NUMBERS = "SELECT recorded FROM mailintake_notice ORDER BY recorded"


def test_all_that_is_written_is_there_in_the_end(trac_env: TracEnv) -> None:
    """In order, each statement with its own arguments or without any, percent signs and all."""
    with transaction(trac_env.env) as db:
        db(INSERT, ("a%s;", 1))
        db.cursor().execute("INSERT INTO mailintake_notice (hash, recorded) VALUES ('100%', 2)")
        db.executemany(INSERT, [("b", 3), ("c", 4)])  # type: ignore[attr-defined]  # Trac's models use it
        db("UPDATE mailintake_notice SET recorded=%s WHERE hash LIKE 'a%%'", (5,))
    rows = trac_env.env.db_query("SELECT hash, recorded FROM mailintake_notice ORDER BY recorded")
    assert rows == [("100%", 2), ("b", 3), ("c", 4), ("a%s;", 5)]


def test_a_question_sees_what_was_written_before_it(trac_env: TracEnv) -> None:
    """Whichever way it is asked; so do Trac's own models."""
    env = trac_env.env
    with transaction(env) as db:
        db(INSERT, ("a", 1))
        assert db(NUMBERS) == [(1,)]
        db(INSERT, ("b", 2))
        assert env.db_query(NUMBERS) == [(1,), (2,)]
        ticket = Ticket(env)
        ticket["summary"], ticket["reporter"] = "Printer", "ann"
        assert ticket.insert() == 1
        assert Ticket(env, 1)["summary"] == "Printer"
        with env.db_transaction as inner:
            inner(INSERT, ("c", 3))
        assert env.db_query(NUMBERS) == [(1,), (2,), (3,)]


def test_rows_are_counted(trac_env: TracEnv) -> None:
    """Those of a statement, whatever was written before it."""
    with transaction(trac_env.env) as db:
        db(INSERT, ("a", 1))
        db(INSERT, ("b", 2))
        cursor = db.cursor()
        cursor.execute("UPDATE mailintake_notice SET recorded=recorded+5")
        assert cursor.rowcount == 2
        cursor.execute("UPDATE mailintake_notice SET recorded=0 WHERE hash='nobody'")
        assert cursor.rowcount == 0


def test_what_fails_undoes_all(trac_env: TracEnv) -> None:
    """Even if nothing is asked any more, and the next transaction knows nothing of it."""
    with transaction(trac_env.env) as db:
        db(INSERT, ("a", 1))
    with pytest.raises(Collision), transaction(trac_env.env) as db:  # noqa: PT012 - the block is the transaction
        db(INSERT, ("b", 2))
        db(INSERT, ("a", 3))
    with transaction(trac_env.env) as db:
        assert db(NUMBERS) == [(1,)]


def test_what_is_given_up_is_not_written(trac_env: TracEnv) -> None:
    """Whatever it is given up for."""
    with pytest.raises(ZeroDivisionError), transaction(trac_env.env) as db:  # noqa: PT012 - the block is the transaction
        db(INSERT, ("a", 1))
        1 / 0  # noqa: B018 - what fails
    with transaction(trac_env.env) as db:
        db(INSERT, ("a", 2))
    assert trac_env.env.db_query(NUMBERS) == [(2,)]
