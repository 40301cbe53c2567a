"""record: undecided mail, by service and mailbox, to find what no round takes up any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trac_mailintake.intake.model import Account
from trac_mailintake.tracker.db.transaction import temporary
from trac_mailintake.tracker.deliveries.rows import account_key
from trac_mailintake.tracker.lifecycle.states import UNDECIDED, State, each_of
from trac_mailintake.tracker.lifecycle.transitions import LEASES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

    from trac_mailintake.intake.times import Microseconds


class Undecided(NamedTuple):
    """The undecided mail that a service took from a mailbox; `oldest` is the longest time since a last attempt."""

    service: str
    account: Account
    oldest: Microseconds


def undecided(env: Environment, kinds: Iterable[str]) -> list[Undecided]:
    """The undecided mail of all mailboxes of these kinds of source. Raises TemporaryFailure."""
    which = each_of(UNDECIDED - {State.RECLAIMED}, "service, account, label, retry_at, lease")
    # As `Row.tried`.
    tried = "CASE WHEN lease-%s>retry_at THEN lease-%s ELSE retry_at END"
    query = f"SELECT service, account, label, MIN({tried}) FROM {which} GROUP BY service, account, label"
    with temporary(env):
        rows = env.db_query(query, (LEASES.lease, LEASES.lease))
    known = list(kinds) if rows else []
    # A row has the label of its mailbox and a key of kind and label, not the kind itself.
    return [
        Undecided(service, account, oldest)
        for service, key, label, oldest in rows
        for account in (Account(kind, label or "") for kind in known)
        if account_key(account) == key
    ]
