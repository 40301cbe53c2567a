"""record: what is remembered of the whole environment, in rows of Trac's `system` table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.db.transaction import Collision, transaction

if TYPE_CHECKING:
    from trac.env import Environment

_TRIES: Final = 5
"""How often another process may insert the same row first."""


def write(env: Environment, name: str, value: str) -> None:
    """Store a value under a name; "" removes it. If several do so at once, one of their values is stored.

    Not within another transaction, which a collision would end. Raises TemporaryFailure.
    """
    for _ in range(_TRIES - 1):
        try:
            return _write(env, name, value)
        except Collision:
            continue
    return _write(env, name, value)


def _write(env: Environment, name: str, value: str) -> None:
    with transaction(env) as db:
        db("DELETE FROM system WHERE name=%s", (name,))
        if value:
            db("INSERT INTO system (name, value) VALUES (%s, %s)", (name, value))
