"""record: compares what the archive says of its mails with the rows of deliveries.

A database that was restored from a backup is older than the archive. It has no rows for the latest mails, and gives the
numbers of their rows to other mails. So a number alone does not say that a row is that of a mail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trac_mailintake.tracker.archive.records import Archived, walk
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.db.transaction import chunks, marks
from trac_mailintake.tracker.lifecycle.states import UNDECIDED, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

    from trac_mailintake.tracker.archive.records import Record
    from trac_mailintake.tracker.db.transaction import Connection


class Row(NamedTuple):
    """What tells whether a row is that of a mail in the archive."""

    account: str
    locator: str
    fingerprint: str
    fence: int
    sha256: str
    is_undecided: bool

    def is_of(self, record: Record) -> bool:
        """Whether it may be that of a mail with its number: an undecided one has the fingerprint of its last claim."""
        is_there = (self.account, self.locator) == (record.account, record.locator)
        return is_there and (not self.is_undecided or self.fingerprint == record.fingerprint)

    def has(self, record: Record) -> bool:
        """Whether it has a mail with its number: it is decided about the same bytes, or will be decided.

        An undecided row with a smaller fencing number was put back, from before the claim by which the mail was
        fetched. Since then the mail may have left its mailbox.
        """
        if not self.is_of(record):
            return False
        return record.fence <= self.fence if self.is_undecided else record.sha256 == self.sha256


def numbered(db: Connection, numbers: Iterable[int]) -> dict[int, Row]:
    """The rows with these numbers."""
    rows = {}
    columns = "account, locator, fingerprint, COALESCE(fence, 0), COALESCE(sha256, ''), state"
    for some in chunks(set(numbers)):
        for number, *values, state in db(
            f"SELECT id, {columns} FROM mailintake_delivery WHERE id IN ({marks(some)})", some
        ):
            rows[number] = Row._make((*values, State(state) in UNDECIDED))
    return rows


def claimed_by(db: Connection, mails: Iterable[Archived]) -> list[Archived]:
    """Those of these mails whose rows are there: by number, and of the same mailbox and place in it."""
    listed = list(mails)
    rows = numbered(db, (each.record.delivery for each in listed))
    return [each for each in listed if (row := rows.get(each.record.delivery)) and row.is_of(each.record)]


def lost(db: Connection, mails: Iterable[Archived]) -> list[Archived]:
    """Those of these sealed mails that no row has, though none of their batches is named by one.

    A row has a mail if it is undecided, so that a run will see to it, or has the same bytes from the same place: the
    mail was fetched once more, into another batch.
    """
    listed = list(mails)
    rows = numbered(db, (each.record.delivery for each in listed))
    left = [each for each in listed if not (row := rows.get(each.record.delivery)) or not row.has(each.record)]
    copies = _copies(db, {each.record.sha256 for each in left})
    return [each for each in left if (each.record.sha256, each.record.account, each.record.locator) not in copies]


def _copies(db: Connection, digests: Iterable[str]) -> set[tuple[str, str, str]]:
    """Of the rows with these bytes: SHA-256, account and locator. It reads all rows for each chunk."""
    found_rows: set[tuple[str, str, str]] = set()
    for some in chunks(digests):
        sql = f"SELECT sha256, account, locator FROM mailintake_delivery WHERE sha256 IN ({marks(some)})"
        found_rows.update((sha256, account, locator) for sha256, account, locator in db(sql, some))
    return found_rows


def forgotten(env: Environment, batch: str) -> bool:
    """Whether a batch has a mail, sealed or not, whose row is not there. Raises OSError."""
    try:
        mails = [each for each in walk(found(env, batch, 0, 0).path) if isinstance(each, Archived)]
    except FileNotFoundError:
        return False
    with env.db_query as db:
        return len(claimed_by(db, mails)) < len(mails)
