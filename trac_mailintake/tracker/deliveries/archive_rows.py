"""record: compares what the archive says of its mails with the rows of deliveries.

A database that was restored from a backup is older than the archive. It has no rows for the latest mails, and gives the
numbers of their rows to other mails. So a number alone does not say that a row is that of a mail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.tracker.archive.records import Archived, walk
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.db.transaction import chunks, marks
from trac_mailintake.tracker.lifecycle.states import UNDECIDED, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

    from trac_mailintake.tracker.archive.records import Record
    from trac_mailintake.tracker.db.transaction import Connection


def claimed_by(db: Connection, mails: Iterable[Archived]) -> list[Archived]:
    """Those of these mails whose rows are there: by number, and of the same mailbox and place in it."""
    listed = list(mails)
    rows = {}
    for some in chunks({each.record.delivery for each in listed}):
        sql = f"SELECT id, account, locator FROM mailintake_delivery WHERE id IN ({marks(some)})"
        rows.update({number: (account, locator) for number, account, locator in db(sql, some)})
    return [each for each in listed if rows.get(each.record.delivery) == (each.record.account, each.record.locator)]


def lost(db: Connection, mails: Iterable[Archived]) -> list[Archived]:
    """Those of these sealed mails that no row has, though none of their batches is named by one.

    A row has a mail if it is undecided, so that a run will see to it, or has the same bytes from the same place: the
    mail was fetched once more, into another batch.
    """
    listed = list(mails)
    settled = _settled(db, {each.record.delivery for each in listed})
    left = [each for each in listed if settled.isdisjoint(_numbered(each.record))]
    copies = _copies(db, {each.record.sha256 for each in left})
    return [each for each in left if (each.record.sha256, each.record.account, each.record.locator) not in copies]


def _settled(db: Connection, numbers: Iterable[int]) -> set[tuple[int, str, str, str]]:
    """Of the rows with these numbers: number, account, locator and SHA-256, which is "" if they are undecided."""
    found_rows = set()
    for some in chunks(numbers):
        sql = f"SELECT id, account, locator, sha256, state FROM mailintake_delivery WHERE id IN ({marks(some)})"
        for number, account, locator, sha256, state in db(sql, some):
            found_rows.add((number, account, locator, "" if State(state) in UNDECIDED else sha256))
    return found_rows


def _copies(db: Connection, digests: Iterable[str]) -> set[tuple[str, str, str]]:
    """Of the rows with these bytes: SHA-256, account and locator. It reads all rows for each chunk."""
    found_rows: set[tuple[str, str, str]] = set()
    for some in chunks(digests):
        sql = f"SELECT sha256, account, locator FROM mailintake_delivery WHERE sha256 IN ({marks(some)})"
        found_rows.update((sha256, account, locator) for sha256, account, locator in db(sql, some))
    return found_rows


def _numbered(record: Record) -> tuple[tuple[int, str, str, str], ...]:
    """What a row would say that has this mail by its number: undecided, or with its bytes."""
    place = (record.delivery, record.account, record.locator)
    return (*place, ""), (*place, record.sha256)


def forgotten(env: Environment, batch: str) -> bool:
    """Whether a batch has a mail, sealed or not, whose row is not there. Raises OSError."""
    try:
        mails = [each for each in walk(found(env, batch, 0, 0).path) if isinstance(each, Archived)]
    except FileNotFoundError:
        return False
    with env.db_query as db:
        return len(claimed_by(db, mails)) < len(mails)
