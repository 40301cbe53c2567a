"""record: lists and removes the contacts that `createusers` remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trac_mailintake.tracker.db.transaction import key, transaction

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.intake.times import Microseconds


@dataclass(frozen=True, slots=True)
class Remembered:
    """One contact. `made` is 0 while there is no account."""

    address: str
    name: str
    username: str
    service: str
    created: Microseconds
    made: Microseconds
    failure: str


def remembered(env: Environment) -> list[Remembered]:
    """All contacts, the oldest first."""
    rows = env.db_query(
        "SELECT address, name, COALESCE(username, ''), service, created, made, COALESCE(failure, '') "
        "FROM mailintake_contact ORDER BY id"
    )
    return [Remembered(*row) for row in rows]


def forget(env: Environment, address: str) -> bool:
    """Remove a contact. Returns False if there is none. Raises TemporaryFailure."""
    with transaction(env) as db:
        cursor = db.cursor()
        cursor.execute("DELETE FROM mailintake_contact WHERE hash=%s", (key(address.casefold()),))
        return cursor.rowcount == 1
