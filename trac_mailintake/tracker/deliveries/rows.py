"""record: the rows of deliveries, as claims and listings use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from trac_mailintake.intake.failures import FETCHES, FETCHING
from trac_mailintake.intake.model import Delivery
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.tracker.archive.store import found, stored
from trac_mailintake.tracker.db.transaction import SECOND, key, marks, now
from trac_mailintake.tracker.lifecycle.states import State
from trac_mailintake.tracker.lifecycle.transitions import LEASES, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.intake.model import Account, Listed
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.spool import Slice
    from trac_mailintake.tracker.db.transaction import Connection


class Row(NamedTuple):
    """The columns of a delivery that claims and listings need."""

    id: int
    live: str
    service: str
    fingerprint: str
    size: int | None
    owner: str | None
    fence: int
    lease: Microseconds
    alone: int
    deaths: int
    attempts: int
    retry_at: Microseconds
    misses: int | None
    blamed: int | None
    blamed_since: Microseconds | None
    state: State
    rule: str | None
    recorded: Microseconds
    consumed: Microseconds
    sha256: str | None
    content: str | None
    archive: str | None
    archive_offset: int | None
    archive_length: int | None
    refiled: int | None

    @classmethod
    def of(cls, values: Sequence[Any]) -> Self:
        """The row with these values of COLUMNS."""
        return cls(*values)._replace(state=State(values[_STATE]))

    @property
    def tried(self) -> Microseconds:
        """When a worker last had it: until a death is noticed, `retry_at` says nothing, and the lease when it began."""
        return Microseconds(max(self.retry_at, self.lease - LEASES.lease))


_STATE = Row._fields.index("state")
COLUMNS = ",".join(Row._fields)

_MAILBOX = 24
"""Digits of a live key that identify the mailbox; the forty after them identify the message."""

_ZERO = (
    *("alone", "deaths", "attempts", "retry_at", "misses", "blamed", "blamed_since"),
    *("recorded", "consumed", "notify"),
)


def rows_of(db: Connection, lives: Sequence[str]) -> list[Row]:
    """The rows with these live keys."""
    if not lives:
        return []
    return [
        Row.of(row) for row in db(f"SELECT {COLUMNS} FROM mailintake_delivery WHERE live IN ({marks(lives)})", lives)
    ]


def fresh(
    service: Service, account: Account, listed: Listed, owner: str | None, lease: Microseconds
) -> dict[str, object]:
    """The columns of a new message; with owner=None, of one that this service skips."""
    return {
        "live": live_key(account, listed) if owner else passed_key(account, listed, service.name),
        "service": service.name,
        "account": account_key(account),
        "label": account.label,
        "locator": listed.locator,
        "fingerprint": listed.fingerprint,
        "size": listed.size or 0,
        "arrived": int(listed.arrived.timestamp() * SECOND) if listed.arrived else 0,
        "owner": owner,
        "fence": 1,
        "lease": lease,
        "seen": now(),
        **dict.fromkeys(_ZERO, 0),
    }


def delivery(env: Environment, service: Service, account: Account, listed: Listed, row: Row) -> Delivery:
    """The Delivery for a row."""
    raw = None
    if row.archive and row.archive_length is not None:
        raw = found(env, row.archive, row.archive_offset or 0, row.archive_length)
    return Delivery(
        row.id,
        service.name,
        account,
        listed,
        row.fence,
        row.attempts,
        bool(row.alone),
        row.deaths,
        raw,
        row.sha256 or "",
        misses=row.misses or 0,
        unreadable=is_unreadable(row),
        content=row.content or "",
        refiled=bool(row.refiled),
    )


def is_unreadable(row: Row) -> bool:
    """Whether a mail has failed to come so often, and for so long, that it is held."""
    return (row.blamed or 0) >= FETCHES and (row.blamed_since or 0) <= now() - FETCHING * SECOND


def place(env: Environment, delivery: Delivery, raw: Slice) -> Place:
    """Where the bytes of a mail are, as its row says it."""
    return Place(stored(env, raw.path), raw.offset, raw.length, delivery.sha256, delivery.content or None)


def account_key(account: Account) -> str:
    """The key of a mailbox."""
    return key(account.kind, account.label)


def sender_key(message: Message | None, *, proved: bool = False) -> str:
    """The key of a mail's sender, for rates; "" if it names nobody. Proved and unproved senders count apart."""
    authors = sorted(mailbox_key(author.spec) for author in message.authors) if message else []
    return key(*(("proved", *authors) if proved else authors)) if authors else ""


def passed_key(account: Account, listed: Listed, service: str) -> str:
    """The key of a message that this service leaves to other services on the same mailbox."""
    return _of_mailbox(account) + key(listed.locator, "passed", service)[_MAILBOX:]


def displaced_key(account: Account, row: int) -> str:
    """The key of a message that is to be decided from the archive, after its locator came to mean another one."""
    return _of_mailbox(account) + key("displaced", str(row))[_MAILBOX:]


def live_key(account: Account, listed: Listed) -> str:
    """The key of a message, used as long as its source lists it."""
    return _of_mailbox(account) + key(listed.locator)[_MAILBOX:]


def live_keys(account: Account) -> tuple[str, str]:
    """The bounds of all live keys of a mailbox, which are adjacent in their index."""
    return _of_mailbox(account), _of_mailbox(account) + "g"


def _of_mailbox(account: Account) -> str:
    return account_key(account)[:_MAILBOX]
