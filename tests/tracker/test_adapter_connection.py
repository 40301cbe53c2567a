"""Queries over one connection while mails are decided: fewer round trips, and nobody notices anything else."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.tracker.adapter import OneConnection
from trac_mailintake.tracker.db.transaction import key

if TYPE_CHECKING:
    from trac.env import Environment

    from tests.servers.tracenv import TracEnv

COUNT = "SELECT COUNT(*) FROM mailintake_notice"


def test_a_plugin_that_takes_a_failure_for_an_answer(trac_env: TracEnv) -> None:
    """What is asked afterwards is answered, also by PostgreSQL, which answers nothing in a transaction that failed."""
    env = trac_env.env

    def probing() -> int:
        try:
            env.db_query("SELECT colour FROM mailintake_no_such_table")
        except (env.db_exc.ProgrammingError, env.db_exc.OperationalError):
            pass
        else:
            pytest.fail("there is such a table")
        return int(env.db_query("SELECT COUNT(*) FROM mailintake_service")[0][0])

    assert OneConnection(env)(probing) == 0


def test_the_one_connection_passes_an_error_on(trac_env: TracEnv) -> None:
    """The error comes through, and the next question is answered."""
    with pytest.raises(ZeroDivisionError):
        OneConnection(trac_env.env)(lambda: 1 // 0)
    assert OneConnection(trac_env.env)(lambda: trac_env.env.db_query("SELECT 1")) == [(1,)]


def test_what_is_written_meanwhile_is_committed(trac_env: TracEnv) -> None:
    """A manipulator may write while it is asked."""

    def writing() -> None:
        with trac_env.env.db_transaction as db:
            db("INSERT INTO mailintake_notice (hash, recorded) VALUES (%s, 0)", (key("one"),))

    OneConnection(trac_env.env)(writing)
    assert trac_env.env.db_query("SELECT COUNT(*) FROM mailintake_notice") == [(1,)]


def began(env: Environment) -> object:
    """When the transaction began in which PostgreSQL answers."""
    return env.db_query("SELECT now()")[0][0]


def test_decisions_share_a_transaction_until_it_rests(postgres_env: TracEnv) -> None:
    """Trac would end it after each query. Resting twice, or before anything was decided, is no error."""
    env = postgres_env.env
    deciding = OneConnection(env)
    deciding.rest()
    first = deciding(lambda: began(env))
    assert deciding(lambda: (began(env), began(env))) == (first, first)
    for _ in range(2):
        deciding.rest()
    assert began(env) != began(env)
    second = deciding(lambda: began(env))
    assert second != first
    assert deciding(lambda: began(env)) == second


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_after_an_error_no_transaction_is_kept(postgres_env: TracEnv, error: type[BaseException]) -> None:
    """Whatever it is: a connection that nobody gives back would be missing in tracd."""
    env = postgres_env.env
    deciding = OneConnection(env)

    def fail() -> None:
        began(env)
        raise error

    with pytest.raises(error):
        deciding(fail)
    assert began(env) != began(env)


def test_work_that_a_failed_query_broke_is_done_again(postgres_env: TracEnv) -> None:
    """A plugin caught the failure, and PostgreSQL answered its next query with another: then each has its own."""
    env = postgres_env.env
    deciding = OneConnection(env)
    tries: list[int] = []

    def probing() -> list[tuple[int]]:
        tries.append(1)
        try:
            env.db_query("SELECT colour FROM mailintake_no_such_table")
        except env.db_exc.ProgrammingError:
            return list(env.db_query(COUNT))
        pytest.fail("there is such a table")

    for count in (2, 4):
        assert deciding(probing) == [(0,)]
        assert len(tries) == count


def test_on_mariadb_each_decision_sees_what_was_committed_before_it(mariadb_env: TracEnv) -> None:
    """One connection would answer from when it was first asked (REPEATABLE READ)."""
    env = mariadb_env.env
    deciding = OneConnection(env)

    def write(number: int) -> None:
        with env.db_transaction as db:
            db("INSERT INTO mailintake_notice (hash, recorded) VALUES (%s, 0)", (key(str(number)),))

    for number in range(3):
        assert deciding(lambda: env.db_query(COUNT)) == [(number,)]
        other = Thread(target=write, args=(number,))  # with a connection of its own
        other.start()
        other.join()
