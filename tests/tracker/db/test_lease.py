"""Leases: what Python says of a claim, and what a database does with it, agree; whatever the clock says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.lease import (
    DUE,
    END,
    END_AS,
    EXTEND,
    HELD,
    HELD_AS,
    OVER,
    TAKE,
    TAKE_AS,
    Hold,
    Terms,
)
from trac_mailintake.tracker.db.transaction import DAY, HOUR, MINUTE, SECOND, now, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from tests.servers.tracenv import TracEnv

TERMS: Final = Terms(Microseconds(15 * MINUTE), (Microseconds(MINUTE), Microseconds(HOUR)))
LEASES: Final = {
    "ended": (-DAY, False),
    "just over": (-1, False),
    "running": (10 * MINUTE, True),
    "new": (15 * MINUTE, True),
    "of a clock that is a second ahead": (15 * MINUTE + SECOND, True),
    "of a clock that is an hour ahead": (75 * MINUTE - SECOND, True),
    "of a wrong clock": (75 * MINUTE + SECOND, False),
    "of a clock a year ahead": (365 * DAY, False),
}
"""How far away a lease is, and whether the claim holds."""


@pytest.fixture(params=["sqlite_env", "postgres_env", "mariadb_env"])
def env(request: pytest.FixtureRequest) -> Environment:
    """One row with leases, on each database."""
    trac: TracEnv = request.getfixturevalue(request.param)
    with trac.env.db_transaction as db:
        letters.write(db, "alert", "support", None)
        db("UPDATE mailintake_outbox SET id=1")
    return trac.env


def write(env: Environment, sets: str, values: Sequence[object], which: str, arguments: Sequence[object]) -> int:
    """Write the row. Returns how many the database says it wrote."""
    with transaction(env) as db:
        cursor = db.cursor()
        cursor.execute(f"UPDATE mailintake_outbox SET {sets} WHERE {which}", (*values, *arguments))
        return cursor.rowcount


def look(env: Environment) -> tuple[str | None, int, int]:
    """The row: owner, fencing number, lease."""
    [(owner, fence, lease)] = env.db_query("SELECT owner, fence, lease FROM mailintake_outbox")
    return owner, fence, lease


def finds(env: Environment, condition: str, values: Sequence[object]) -> bool:
    """Whether the condition selects the row."""
    return bool(env.db_query(f"SELECT id FROM mailintake_outbox WHERE {condition}", tuple(values)))


@pytest.mark.parametrize(("away", "holds"), LEASES.values(), ids=LEASES)
def test_a_claim_of_nobody_knows_whom_holds_by_its_lease(env: Environment, away: int, holds: bool) -> None:  # noqa: FBT001 - a parameter
    """What a caller in Python is told agrees with what the SQL says."""
    lease = Microseconds(now() + away)
    write(env, "lease=%s", (lease,), "id=1", ())
    assert TERMS.holds(lease) is holds
    assert finds(env, OVER, TERMS.over()) is not holds


@pytest.mark.parametrize("away", [-DAY, 10 * MINUTE, DAY])
def test_a_worker_that_can_be_seen_decides_itself(away: int) -> None:
    """Whatever its lease says: it lives and has the row, or it is dead and has not."""
    assert TERMS.holds(Microseconds(now() + away), alive=True)
    assert not TERMS.holds(Microseconds(now() + away), alive=False)


@pytest.mark.parametrize(("away", "waits"), [(-1, False), (MINUTE, True), (HOUR, True), (3 * HOUR, False)])
def test_a_row_waits_no_longer_than_its_terms_say(env: Environment, away: int, waits: bool) -> None:  # noqa: FBT001 - a parameter
    """A time that is further away was set by a wrong clock."""
    due = Microseconds(now() + away)
    write(env, "retry_at=%s", (due,), "id=1", ())
    assert TERMS.waits(due) is waits
    assert finds(env, DUE, TERMS.due()) is not waits


def test_the_delay_grows_and_then_stays() -> None:
    """The first failure has the first delay."""
    delays = [round((TERMS.retry_at(attempts) - now()) / MINUTE) for attempts in (1, 2, 3, 99)]
    assert delays == [1, 60, 60, 60]


def test_who_takes_a_row_has_it_until_somebody_else_takes_it(env: Environment) -> None:
    """The first one cannot write any more then, nor extend, nor end."""
    one, other = Hold(1, "one", 1), Hold(1, "other", 2)
    assert write(env, TAKE_AS, ("one", TERMS.expiry()), HELD, (1, 0)) == 1
    assert finds(env, HELD_AS, one.values)
    assert write(env, TAKE_AS, ("other", TERMS.expiry()), HELD, (1, 1)) == 1
    assert not finds(env, HELD_AS, one.values)
    assert finds(env, HELD_AS, other.values)
    was = look(env)
    for sets, values in ((TAKE_AS, ("one", 1)), (EXTEND, TERMS.extension()), (END_AS, ())):
        assert write(env, sets, values, HELD_AS, one.values) == 0
    assert look(env) == was


def test_a_table_without_owners_has_leases_too(env: Environment) -> None:
    """The fencing number alone says who has the row."""
    assert write(env, TAKE, (TERMS.expiry(),), HELD, (1, 0)) == 1
    assert write(env, TAKE, (TERMS.expiry(),), HELD, (1, 0)) == 0
    assert not finds(env, OVER, TERMS.over())
    assert write(env, END, (), HELD, (1, 1)) == 1
    assert finds(env, OVER, TERMS.over())


def test_an_extension_is_seen_even_if_the_clock_stands_still(env: Environment) -> None:
    """MariaDB counts what changed, and a claim that seems lost is given up."""
    write(env, TAKE_AS, ("one", TERMS.expiry()), HELD, (1, 0))
    same = TERMS.extension()
    for _ in range(3):
        assert write(env, EXTEND, same, HELD, (1, 1)) == 1
    owner, fence, lease = look(env)
    assert (owner, fence) == ("one", 1)
    assert same[0] <= lease <= same[0] + 1
    assert TERMS.holds(Microseconds(lease))


def test_what_ends_is_nobodys(env: Environment) -> None:
    """At once; the number stays, so that late writes are still recognised."""
    write(env, TAKE_AS, ("one", TERMS.expiry()), HELD, (1, 0))
    assert write(env, END_AS, (), HELD_AS, Hold(1, "one", 1).values) == 1
    assert look(env) == (None, 1, 0)
    assert finds(env, OVER, TERMS.over())
    assert not finds(env, HELD_AS, Hold(1, "one", 1).values)
