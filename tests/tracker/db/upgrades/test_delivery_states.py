"""Rows from before there was a state get the state that they were in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.db.upgrades.delivery_states import fill_states
from trac_mailintake.tracker.lifecycle.states import DECIDED, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

    from tests.servers.tracenv import TracEnv

ROWS: Final = [
    # outcome, owner, failure, archive: the state
    *((state.value, "w", None, "b", state) for state in DECIDED),
    ("held", None, None, None, State.HELD),
    (None, "w", None, None, State.CLAIMED),
    (None, "w", "It failed before.", None, State.CLAIMED),
    (None, None, "It failed.", None, State.DEFERRED),
    (None, None, None, None, State.FREE),
    (None, "w", None, "b", State.RECLAIMED),
    (None, None, None, "b", State.HELD),
    ("", None, None, "", State.FREE),
]


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def env(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """An environment on each database, with the column of before."""
    trac: TracEnv = request.getfixturevalue(f"{request.param}_env")
    with trac.env.db_transaction as db:
        db("ALTER TABLE mailintake_delivery ADD COLUMN outcome text")
        for outcome, owner, failure, archive, _ in ROWS:
            db(
                "INSERT INTO mailintake_delivery (outcome, owner, failure, archive) VALUES (%s,%s,%s,%s)",
                (outcome, owner, failure, archive),
            )
    yield trac.env
    trac.close()


def states(env: Environment) -> list[str]:
    """The states in the order of ROWS."""
    return [state for (state,) in env.db_query("SELECT state FROM mailintake_delivery ORDER BY id")]


def test_each_row_gets_the_state_that_it_was_in(env: Environment) -> None:
    """And filling once more changes nothing, whatever happened to the rows meanwhile."""
    with transaction(env) as db:
        fill_states(db)
    assert states(env) == [state.value for *_, state in ROWS]
    with transaction(env) as db:
        db("UPDATE mailintake_delivery SET state='sealed' WHERE state='claimed'")
        fill_states(db)
    assert states(env).count("sealed") == 2
    assert "claimed" not in states(env)
