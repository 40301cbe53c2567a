"""screen, record: `createusers`, for people who write for the first time (docs/behaviour.md#accounts-for-newcomers).

With AccountManager and a writable password store they get a user account. The name is reserved in the transaction that
files the mail. The account is created after the commit, by any worker: a crash in between only delays it.
Otherwise they get a row in our own table, never a session record of Trac's, which would turn any forged From into a
user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import Stale
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Origin
from trac_mailintake.mail.scrub import one_way
from trac_mailintake.tracker.db.transaction import DAY, key, now
from trac_mailintake.tracker.people import contacts
from trac_mailintake.tracker.people.account_manager import Accounts
from trac_mailintake.tracker.people.contacts import Newcomer
from trac_mailintake.tracker.people.own_addresses import own_addresses

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.mail.message import Address, Message
    from trac_mailintake.mail.wording import Reason
    from trac_mailintake.tracker.db.transaction import Connection

_PEOPLE: Final = frozenset({Origin.PERSON, Origin.LIST})


@dataclass(frozen=True, slots=True)
class Contact:
    """A remembered newcomer.

    `username` is "" without a user account; `made` is when the account was created (0: still due).
    """

    address: str
    name: str
    username: str
    made: Microseconds


@dataclass(frozen=True, slots=True)
class Introduced:
    """A stranger who is remembered, and why."""

    newcomer: Newcomer
    reason: Reason


@dataclass(frozen=True, slots=True)
class Stranger:
    """A stranger who stays one, and why; None if the service remembers nobody."""

    reason: Reason | None


def contact(env: Environment, address: str) -> Contact | None:
    """The contact with this address; None if there is none."""
    rows = env.db_query(
        "SELECT address, name, COALESCE(username, ''), made FROM mailintake_contact WHERE hash=%s",
        (key(mailbox_key(address)),),
    )
    return Contact(*rows[0]) if rows else None


def newcomer(env: Environment, author: Address, message: Message, service: Service) -> Introduced | Stranger:
    """What becomes of an author whose address no user has, with `createusers`."""
    wanted = service.strangers
    if not wanted.createusers:
        return Stranger(None)
    if message.origin not in _PEOPLE or mailbox_key(author.spec) in own_addresses(env):
        return Stranger(reasons.NO_PERSON())
    known = contact(env, author.spec)
    if known and known.made:
        return Stranger(reasons.ACCOUNT_GONE(user=known.username))
    username = _username(env, author, known)
    if username is None:
        return Stranger(reasons.NO_NAME())
    changes = known is None or known.username != username
    if changes and remembered_today(env, service.name) >= wanted.createusers_per_day:
        return Stranger(reasons.ENOUGH_TODAY(limit=wanted.createusers_per_day))
    return _introduced(author, known, username, service)


def _username(env: Environment, author: Address, known: Contact | None) -> str | None:
    """The name of the account that they have been or will be given: "" without accounts, None if no name is free."""
    if known and known.username:
        return known.username
    accounts = Accounts(env)
    return (accounts.free_name(author.spec) or None) if accounts.writable else ""


def _introduced(author: Address, known: Contact | None, username: str, service: Service) -> Introduced:
    name = one_way(author.name).strip() or (known.name if known else "")
    wanted = service.strangers
    who = Newcomer(author.spec, name, username, service.name, wanted.createusers_per_day, wanted.notifyusers)
    return Introduced(who, reasons.GETS_ACCOUNT(user=username) if username else reasons.REMEMBERED())


def remembered_today(env: Environment, service: str) -> int:
    """Number of people that the service has remembered within the last day."""
    rows = env.db_query(
        "SELECT COUNT(*) FROM mailintake_contact WHERE service=%s AND created>%s", (service, now() - DAY)
    )
    return int(rows[0][0])


def remember(env: Environment, db: Connection, who: Newcomer, delivery: int) -> None:
    """Store a newcomer, within the transaction that files their mail. Raises Stale if this must be decided again.

    Two mails of one newcomer write one row; two newcomers never share a name.
    """
    hashed = key(mailbox_key(who.address))
    rows = db("SELECT COALESCE(username, '') FROM mailintake_contact WHERE hash=%s", (hashed,))
    if rows and rows[0][0] == who.username:
        return
    if rows and rows[0][0]:
        raise Stale(f"{who.address} was promised another account meanwhile.")
    if who.username and db("SELECT id FROM mailintake_contact WHERE username=%s", (who.username,)):
        raise Stale(f"The name {who.username} was taken meanwhile.")
    if rows:
        contacts.order_account(db, who, delivery)
        return
    if remembered_today(env, who.service) >= who.limit:
        raise Stale(f"The service {who.service} has remembered as many people as it may in a day.")
    contacts.add(db, who, delivery)
