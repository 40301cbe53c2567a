"""record: who works on which message (docs/behaviour.md#claims-and-leases).

A claim is an undecided row of `mailintake_delivery` with an owner and a lease. Taking over a row raises its fencing
number, and later writes check owner and number. All statements are portable. They rely on the database's isolation
only in that updates of one row happen one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import NoLongerMine, Stale
from trac_mailintake.intake.model import Account, Delivery, Listed
from trac_mailintake.intake.ports import Wait
from trac_mailintake.intake.times import Microseconds, Seconds
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.db.clock import ahead, span
from trac_mailintake.tracker.db.transaction import (
    CHUNK,
    HOUR,
    MINUTE,
    SECOND,
    chunks,
    marks,
    now,
    temporary,
    transaction,
)
from trac_mailintake.tracker.deliveries.mailbox import Listings, begins
from trac_mailintake.tracker.deliveries.rows import COLUMNS, Row, account_key, delivery, fresh, place, rows_of
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.states import UNDECIDED, WAITING, State, each_of
from trac_mailintake.tracker.lifecycle.transitions import Failure, Hold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trac_mailintake.intake.settings import Service
    from trac_mailintake.tracker.db.transaction import Connection

LEASE: Final = Microseconds(15 * MINUTE)
"""How long a claim holds without renewal. Only for workers on other hosts: see `workers`."""

_LONGEST_WAIT: Final = Microseconds(2 * HOUR)
"""Longer than any back-off of a delivery."""

BATCH_BYTES = 32 * 1024 * 1024
"""A batch ends when its messages together have more bytes than this."""

_ARCHIVED = "archive"
"""Stands for the kind of source of a delivery from quarantine, whose mailbox is no longer involved."""

_OF_MAILBOX = "COALESCE(account, '')=%s AND COALESCE(live, '')<>''"
"""Rows of one mailbox. COALESCE hides its index: few rows are undecided, a mailbox may have 20,000."""

_TRIES = 20
"""How often another worker may insert the same row first before this one gives up the round."""


class Claims(Listings):
    """The claims of one worker; see `ports.Claims`."""

    # held mail

    def reclaim(self, row: int) -> Delivery | None:
        """Claim a held delivery, to be decided again from the archive; None if it is not held.

        If nothing is recorded, it stays held: see `defer` and `restore`. Raises TemporaryFailure.
        """
        with transaction(self._env) as db:
            if not transitions.reclaim(db, row, self._worker.owner, Microseconds(now() + LEASE)):
                return None
            kept = Row.of(db(f"SELECT {COLUMNS} FROM mailintake_delivery WHERE id=%s", (row,))[0])
            name, label, locator = db("SELECT service, label, locator FROM mailintake_delivery WHERE id=%s", (row,))[0]
        raw = found(self._env, kept.archive or "", kept.archive_offset or 0, kept.archive_length or 0)
        listed = Listed(locator, kept.fingerprint, raw.length)
        account = Account(_ARCHIVED, label)
        return Delivery(row, name, account, listed, kept.fence, raw=raw, sha256=kept.sha256 or "", again=True)

    def restore(self) -> None:
        """Hold deliveries again that a dead worker had reclaimed. Raises TemporaryFailure."""
        with transaction(self._env) as db:
            transitions.expire(db, span(LEASE))

    # dead workers

    def bury(self, owner: str) -> None:
        """Free everything that this dead worker held, or had not yet disposed of or announced.

        Raises TemporaryFailure.
        """
        with transaction(self._env) as db:
            transitions.die(db, owner)

    def unused(self, archive: str) -> bool:
        """Whether no row refers to a batch of the archive. Raises TemporaryFailure."""
        with temporary(self._env):
            return not self._env.db_query("SELECT id FROM mailintake_delivery WHERE archive=%s LIMIT 1", (archive,))

    # claim

    def claim(self, service: Service, account: Account, limit: int, *, alone: bool = True) -> list[Delivery]:
        """See `ports.Claims.claim`. Raises TemporaryFailure."""
        pending = self._pending.setdefault(account.label, {})
        tries = 0
        while tries < _TRIES:
            wanted = _next(service, pending, limit)
            if not wanted:
                break
            try:
                with temporary(self._env):
                    taken, passed = self._take(service, account, wanted, alone=alone)
            except Stale:
                tries += 1  # another worker inserted one of them first: query again
                continue
            for live in passed:
                del pending[live]
            if taken or not passed:
                return taken
        return []

    def upcoming(self, service: Service, account: Account, limit: int) -> list[Listed]:
        """See `ports.Mailbox.upcoming`."""
        return list(_next(service, self._pending.get(account.label, {}), limit).values()) if limit > 0 else []

    def _take(
        self, service: Service, account: Account, wanted: Mapping[str, Listed], *, alone: bool
    ) -> tuple[list[Delivery], list[str]]:
        """Claim as many of `wanted` as possible, in one transaction. Returns also the keys that are done with."""
        with transaction(self._env) as db:
            known = {row.live: row for row in rows_of(db, list(wanted))}
            free = {live: row for live, row in known.items() if self._free(row)}
            usable = _alone_first([live for live in wanted if live not in known or live in free], free, alone=alone)
            new = [wanted[live] for live in usable if live not in known]
            if new:
                lease = Microseconds(now() + LEASE)
                rows = [fresh(service, account, each, self._worker.owner, lease) for each in new]
                transitions.claim(db, rows)
            for live in usable:
                if live in free:
                    self._seize(db, free[live], wanted[live])
            taken = {row.live: row for row in rows_of(db, usable)}
        busy = [live for live in known if live not in free]
        return [delivery(self._env, service, account, wanted[live], taken[live]) for live in usable], busy + usable

    def _free(self, row: Row) -> bool:
        if row.state in WAITING:
            return not ahead(row.retry_at, _LONGEST_WAIT)
        return row.state in (State.CLAIMED, State.RESUMED) and not self._holds(row)

    def _seize(self, db: Connection, row: Row, listed: Listed) -> None:
        """Take over a row. If it still has an owner, a worker died with it: it is handled `alone` from now on."""
        died = row.owner is not None
        how = transitions.Taking(
            Microseconds(now() + LEASE),
            listed.fingerprint,
            1 if died else row.alone,
            row.deaths + (row.alone if died else 0),
        )
        if not transitions.take(db, Hold(row.id, row.owner or "", row.fence), self._worker.owner, how):
            raise Stale(row.live)

    # while it is held

    def renew(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Claims.renew`. Raises TemporaryFailure."""
        for some in chunks(each.id for each in deliveries):
            with transaction(self._env) as db:
                transitions.renew(db, self._worker.owner, some, Microseconds(now() + LEASE))

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Claims.release`. Raises TemporaryFailure."""
        for some in chunks(each.id for each in deliveries):
            with transaction(self._env) as db:
                transitions.release(db, self._worker.owner, some)

    def defer(
        self, claimed: Delivery, reason: str, *, seconds: Seconds, counted: bool, message_id: str | None = None
    ) -> None:
        """See `ports.Claims.defer`."""
        self._undeferred.add(claimed.id)
        hold = Hold(claimed.id, self._worker.owner, claimed.fence)
        failure = Failure(reason, Microseconds(now() + int(seconds * SECOND)), message_id, int(counted))
        with transaction(self._env) as db:
            if claimed.raw is None:
                done = transitions.defer(db, hold, failure)
            else:
                done = transitions.seal(db, hold, place(self._env, claimed.raw, claimed.sha256), failure)
            if not done:
                raise NoLongerMine(claimed.listed.locator)
        self._undeferred.discard(claimed.id)

    def parent_elsewhere(self, claimed: Delivery, message_ids: Sequence[str]) -> Wait | None:
        """See `ports.Claims.parent_elsewhere`. Raises TemporaryFailure.

        One row for each worker that holds older messages, and one for those that are deferred: few, however many mails.
        """
        some = list(dict.fromkeys(message_ids))[-CHUNK:]
        stuck = sorted(self._undeferred)
        undecided = each_of(UNDECIDED, "id, account, live, owner, lease, message_id, retry_at, failure")
        with temporary(self._env):
            rows = self._env.db_query(
                "SELECT COALESCE(owner, ''), lease, "
                f"MAX(CASE WHEN message_id IN ({marks(some)}) THEN COALESCE(retry_at, 0) "
                "WHEN message_id IS NULL AND owner IS NULL AND failure IS NOT NULL THEN COALESCE(retry_at, 0) END) "
                f"FROM {undecided} WHERE {_OF_MAILBOX} AND id + 0<%s "
                f"AND (COALESCE(owner, '')<>%s OR id + 0 IN ({marks(stuck) or 'NULL'})) GROUP BY owner, lease",
                (*some, account_key(claimed.account), claimed.id, self._worker.owner, *stuck),
            )
        if any(owner and ahead(lease, LEASE) and self._worker.alive(owner) is not False for owner, lease, _ in rows):
            return Wait(None)
        dues = [due for *_, due in rows if due is not None]
        if not dues:
            return None
        later = max(dues)
        return Wait(Seconds((later - now()) / SECOND if ahead(later, _LONGEST_WAIT) else 0.0))


def _next(service: Service, pending: Mapping[str, Listed], limit: int) -> dict[str, Listed]:
    """The next messages to claim: none before the service's start date, and not too many bytes at once."""
    since = begins(service)
    wanted: dict[str, Listed] = {}
    size = 0
    for live, listed in pending.items():
        if since and listed.arrived and listed.arrived < since:
            continue
        size += listed.size or 0
        if wanted and (len(wanted) >= limit or size > BATCH_BYTES):
            break
        wanted[live] = listed
    return wanted


def _alone_first(usable: list[str], free: Mapping[str, Row], *, alone: bool) -> list[str]:
    """Messages that a worker died with are claimed alone, so that the cause is clear if it happens again."""
    for number, live in enumerate(usable):
        row = free.get(live)
        if row is not None and (row.alone or row.owner is not None):
            return usable[:number] or ([live] if alone else [])
    return usable
