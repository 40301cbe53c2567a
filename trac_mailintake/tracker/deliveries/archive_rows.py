"""record: compares what the archive says of its mails with the rows of deliveries.

A database that was restored from a backup is older than the archive. It has no rows for the latest mails, and gives the
numbers of their rows to other mails. So a number alone does not say that a row is that of a mail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.tracker.archive.records import Archived, walk
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.db.transaction import chunks, marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

    from trac_mailintake.tracker.db.transaction import Connection


def claimed_by(db: Connection, mails: Iterable[Archived]) -> list[Archived]:
    """Those of these mails whose rows are there: by number, and of the same mailbox and place in it."""
    listed = list(mails)
    rows = {}
    for some in chunks({each.record.delivery for each in listed}):
        sql = f"SELECT id, account, locator FROM mailintake_delivery WHERE id IN ({marks(some)})"
        rows.update({number: (account, locator) for number, account, locator in db(sql, some)})
    return [each for each in listed if rows.get(each.record.delivery) == (each.record.account, each.record.locator)]


def forgotten(env: Environment, batch: str) -> bool:
    """Whether a batch has a mail, sealed or not, whose row is not there. Raises OSError."""
    try:
        mails = [each for each in walk(found(env, batch, 0, 0).path) if isinstance(each, Archived)]
    except FileNotFoundError:
        return False
    with env.db_query as db:
        return len(claimed_by(db, mails)) < len(mails)
