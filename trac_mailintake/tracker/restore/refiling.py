"""record: gives rows to mail that the archive has and the database has lost, and claims them (archive refile).

A row is entered with the place of its bytes, which are durable, and with its locator, so that a copy in the mailbox is
known to be that of this mail. From then on it is as safe as any other: if nobody decides about it now, the next run on
its mailbox does, or the next refiling.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.model import Account, Listed
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.archive.store import stored
from trac_mailintake.tracker.db.lease import Hold
from trac_mailintake.tracker.db.transaction import SECOND, Collision, chunks, key, marks, transaction
from trac_mailintake.tracker.deliveries import archive_rows
from trac_mailintake.tracker.deliveries.rows import COLUMNS, Row, delivery, fresh, live_key
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.states import State
from trac_mailintake.tracker.lifecycle.transitions import LEASES, Taking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.tracker.archive.records import Archived, Record
    from trac_mailintake.tracker.db.transaction import Connection
    from trac_mailintake.tracker.deliveries.session import Session

_MAILBOX: Final = 24
"""Digits of a live key that identify the mailbox: see `rows`."""
_TRIES: Final = 5


class Refiling:
    """Refiles for one worker, which holds the lock of `store.alone`. All methods raise TemporaryFailure."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._env = session.env

    def enter(self, service: Service, mails: Sequence[Archived]) -> int:
        """Enter those of these mails that no row has yet, in this order. Returns how many these were.

        No two of them are at the same place of a mailbox. Mail is left out if a row of that place is undecided: a run
        will see to it. But a row that was put back does not know what became of its mail.
        """
        for _ in range(_TRIES - 1):
            try:
                return self._enter(service, mails)
            except Collision:
                continue  # a run has just claimed a copy
        return self._enter(service, mails)

    def _enter(self, service: Service, mails: Sequence[Archived]) -> int:
        with transaction(self._env) as db:
            there = self._there(db, [_live(each) for each in mails])
            known = archive_rows.numbered(db, there.values())
            free = [each for each in mails if not _sees_to(known, there.get(_live(each)), each.record)]
            rows = [self._row(service, each, taken=_live(each) in there) for each in self._unnamed(db, free)]
            if rows:
                transitions.refile(db, rows)
        return len(rows)

    def _there(self, db: Connection, lives: Sequence[str]) -> dict[str, int]:
        query = "SELECT live, id FROM mailintake_delivery WHERE live IN "
        return {live: number for some in chunks(lives) for live, number in db(f"{query}({marks(some)})", some)}

    def _unnamed(self, db: Connection, mails: Sequence[Archived]) -> list[Archived]:
        """Those that no row has: runs go on meanwhile."""
        names = {each.path: stored(self._env, each.path) for each in mails}
        query = "SELECT archive, archive_offset FROM mailintake_delivery WHERE archive IN "
        named = {
            (name, offset)
            for some in chunks(sorted(set(names.values())))
            for name, offset in db(f"{query}({marks(some)})", some)
        }
        return archive_rows.lost(db, [each for each in mails if (names[each.path], each.offset) not in named])

    def _row(self, service: Service, mail: Archived, *, taken: bool) -> dict[str, object]:
        """The columns of a mail. If another one is at its place in the mailbox by now, it gets a key of its own."""
        record, name = mail.record, stored(self._env, mail.path)
        listed = Listed(record.locator, record.fingerprint, record.size, _time(record.arrived))
        account = Account(record.kind, record.label)
        live = live_key(account, listed)
        own = live[:_MAILBOX] + key("refiled", name, str(mail.offset))[_MAILBOX:]
        return {
            **fresh(service, account, listed, None, Microseconds(0)),
            "live": own if taken else live,
            "archive": name,
            "archive_offset": mail.offset,
            "archive_length": record.length,
            "sha256": record.sha256,
            "refiled": 1,
        }

    def claim(self, service: Service, limit: int, *, shared: bool, kinds: Iterable[str] = ()) -> list[Delivery]:
        """Claim mail of a service that was entered, and that is due. One that a process died with comes by itself.

        `shared`: other services fetch from the same mailbox, so that mail for one of them may be ignored here.
        `kinds`: those of all mailboxes, for the service may read another one by now.
        """
        claimed = []
        with transaction(self._env) as db:
            for row, listed, account in _alone_first(self._due(db, service, kinds))[:limit]:
                if self._take(db, row, listed):
                    taken = row._replace(fence=row.fence + 1)
                    claimed.append(delivery(self._env, service, account, listed, taken))
        ids = {each.id for each in claimed}
        self._session.open |= ids
        if not shared:
            self._session.unlisted |= ids
        return claimed

    def _due(self, db: Connection, service: Service, kinds: Iterable[str]) -> list[tuple[Row, Listed, Account]]:
        """Rows that were entered and are due, in their order, as they were listed; each with its mailbox."""
        columns = f"{COLUMNS}, account, label, locator, size, arrived"
        query = f"SELECT {columns} FROM mailintake_delivery WHERE state=%s AND refiled=1 AND service=%s ORDER BY id"
        found = []
        for *values, mailbox, label, locator, size, arrived in db(query, (State.SEALED.value, service.name)):
            row = Row.of(values)
            if not LEASES.waits(row.retry_at):
                account = _account(mailbox, label, (service.kind, *kinds))
                found.append((row, Listed(locator, row.fingerprint, size or None, _time(arrived)), account))
        return found

    def _take(self, db: Connection, row: Row, listed: Listed) -> int:
        how = Taking(row.fingerprint, listed.size or 0, row.alone, row.deaths)
        return transitions.take(db, Hold(row.id, row.owner or "", row.fence), self._session.worker.owner, how)


def _sees_to(known: Mapping[int, archive_rows.Row], number: int | None, record: Record) -> bool:
    """Whether the row at the place of a mail will see to it."""
    row = known.get(number) if number is not None else None
    if row is None or not row.is_undecided:
        return False
    return number != record.delivery or row.has(record)


def _account(mailbox: str, label: str, kinds: Sequence[str]) -> Account:
    """The mailbox with this key and label. If the plugin of its kind is gone, it passes for one of the first."""
    return Account(next((kind for kind in kinds if key(kind, label) == mailbox), kinds[0]), label)


def _alone_first(due: list[tuple[Row, Listed, Account]]) -> list[tuple[Row, Listed, Account]]:
    """Those before the first that a process died with; that one by itself if it is the first."""
    place = next((place for place, (row, *_) in enumerate(due) if row.alone), len(due))
    return due[: max(place, 1)]


def _time(moment: Microseconds) -> datetime | None:
    return datetime.fromtimestamp(moment / SECOND, UTC) if moment else None


def _live(mail: Archived) -> str:
    record = mail.record
    return live_key(Account(record.kind, record.label), Listed(record.locator, record.fingerprint))
