"""record: the table of the contacts that `createusers` remembers, `mailintake_contact`. Nothing else writes it.

If a contact has a username, the row is also the order for a user account, until that has been created.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.tracker.db.lease import Terms
from trac_mailintake.tracker.db.leased_queue import LeasedQueue
from trac_mailintake.tracker.db.transaction import HOUR, MINUTE, key, now, transaction

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.tracker.db.transaction import Connection

ACCOUNTS: Final = LeasedQueue(
    "mailintake_contact",
    done="made",
    only="username IS NOT NULL",
    terms=Terms(
        lease=Microseconds(10 * MINUTE),
        backoff=tuple(map(Microseconds, (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR))),
    ),
)
"""The user accounts that are not created yet."""


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


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A sender to remember once the mail is filed, with a user account `username` ("": none)."""

    address: str
    name: str
    username: str
    service: str
    limit: int
    """Newcomers a day that this service may remember."""
    notify: bool


def remembered(env: Environment) -> list[Remembered]:
    """All contacts, the oldest first."""
    rows = env.db_query(
        "SELECT address, name, COALESCE(username, ''), service, created, made, COALESCE(failure, '') "
        "FROM mailintake_contact ORDER BY id"
    )
    return [Remembered(*row) for row in rows]


def add(db: Connection, who: Newcomer, delivery: int) -> None:
    """Remember a newcomer, by the first mail that was filed."""
    db(
        "INSERT INTO mailintake_contact (hash, address, name, username, service, delivery, notify, created, made, "
        "fence, lease, attempts, retry_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 0, 0, 0)",
        (
            key(mailbox_key(who.address)),
            who.address,
            who.name,
            who.username or None,
            who.service,
            delivery,
            int(who.notify),
            now(),
        ),
    )


def order_account(db: Connection, who: Newcomer, delivery: int) -> None:
    """Give a contact the username of an account to create, by a later mail."""
    db(
        "UPDATE mailintake_contact SET username=%s, notify=%s, delivery=%s WHERE hash=%s",
        (who.username, int(who.notify), delivery, key(mailbox_key(who.address))),
    )


def forget(env: Environment, address: str) -> bool:
    """Remove a contact. Returns False if there is none. Raises TemporaryFailure."""
    with transaction(env) as db:
        cursor = db.cursor()
        cursor.execute("DELETE FROM mailintake_contact WHERE hash=%s", (key(mailbox_key(address)),))
        return cursor.rowcount == 1
