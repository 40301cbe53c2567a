"""record: who works on which message. Claims, leases, fencing numbers (spec 7).

A claim is a row of `mailintake_delivery` with an owner, a lease and no outcome. Whoever takes a row over raises its
fencing number; what is written later checks owner and number. All statements are portable, and nothing is asked
of the database's isolation but that one UPDATE of one row happens after the other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from trac_mailintake.intake.model import Afterwards, Delivery
from trac_mailintake.intake.ports import NoLongerMine, Stale
from trac_mailintake.tracker.archive import found
from trac_mailintake.tracker.database import SECOND, chunks, key, marks, now, temporary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.model import Account, Listed
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.tracker.database import Connection
    from trac_mailintake.tracker.worker import Worker

LEASE = 15 * 60 * SECOND
"""How long a claim holds without being renewed. Only matters when its worker is on another host: see worker.py."""

SETTLED = 10 * 60 * SECOND
"""For how long a row is kept after its message is gone: another worker may still go by an older listing."""

BATCH_BYTES = 32 * 1024 * 1024
"""A batch ends when its messages are larger than this together."""

_PUSHED = frozenset({"pipe"})
"""Kinds that list only what is being handed in: that they do not list something says nothing."""

_TRIES = 20
"""How often another worker may insert the same row first, before this one gives the round up."""

_COLUMNS = (
    "live",
    "service",
    "account",
    "label",
    "locator",
    "fingerprint",
    "size",
    "arrived",
    "owner",
    "fence",
    "lease",
    "alone",
    "deaths",
    "attempts",
    "retry_at",
    "recorded",
    "consumed",
    "notify",
)  # fmt: skip - the order of `_values`


class _Row(NamedTuple):
    id: int
    live: str
    fingerprint: str
    owner: str | None
    fence: int
    lease: int
    alone: int
    deaths: int
    attempts: int
    retry_at: int
    outcome: str | None
    recorded: int
    consumed: int
    sha256: str | None
    archive: str | None
    archive_offset: int | None
    archive_length: int | None


_ROW = ",".join(_Row._fields)


class Claims:
    """The claims of one worker."""

    def __init__(self, env: Environment, worker: Worker) -> None:
        """`worker` owns what is claimed here."""
        self._env = env
        self._worker = worker
        self._pending: dict[str, dict[str, Listed]] = {}
        """By account: what is listed and may be claimed in this round, by live key, in the mailbox's order."""

    # reconcile

    def reconcile(self, service: Service, account: Account, listing: Sequence[Listed]) -> list[Delivery]:
        """See `ports.Recorder.reconcile`. Raises TemporaryFailure."""
        keys = {_live(account, listed): listed for listed in listing}
        with temporary(self._env):
            rows = [_Row(*row) for row in self._env.db_query(
                f"SELECT {_ROW} FROM mailintake_delivery WHERE account=%s AND live IS NOT NULL",
                (_account(account),),
            )]  # fmt: skip
            if not rows and service.start == "now" and not service.last_success:
                self._remember(service, account, listing)
                self._pending[account.label] = {}
                return []
            self._let_go(account, [row for row in rows if row.live not in keys])
        kept = [row for row in rows if row.live in keys]
        replaced = [row for row in kept if row.outcome and row.fingerprint != keys[row.live].fingerprint]
        with temporary(self._env):
            self._retire(row.id for row in replaced)
        settled = {row.live for row in kept if row.outcome}.difference(row.live for row in replaced)
        self._pending[account.label] = {live: each for live, each in keys.items() if live not in settled}
        return [
            self._delivery(service, account, keys[row.live], row)
            for row in kept
            if row not in replaced and self._left_over(service, row)
        ]

    def _left_over(self, service: Service, row: _Row) -> bool:
        """Whether a recorded row's copy in the mailbox is still to be disposed of, and not by a living worker."""
        if row.outcome in (None, "ignored", "deferred") or not row.archive:
            return False
        if not row.consumed:
            return row.owner is None or row.owner == self._worker.owner or not self._holds(row)
        # Disposed of, and yet listed: the server undid it, or gave the locator to another message.
        gone = service.afterwards.word in (Afterwards.DELETE, Afterwards.MOVE)
        return gone and row.consumed < now() - SETTLED

    def _holds(self, row: _Row) -> bool:
        """Whether the row's owner still has a right to it."""
        alive = self._worker.alive(row.owner or "")
        return row.lease > now() if alive is None else alive

    def _let_go(self, account: Account, gone: Sequence[_Row]) -> None:
        """Their messages are no longer listed: locators are free again, after a while."""
        before = now() - SETTLED
        vanished = [row.id for row in gone if row.outcome is None and not row.owner and account.kind not in _PUSHED]
        recorded = [row.id for row in gone if row.outcome and row.recorded < before]
        for ids in chunks(vanished):
            with self._env.db_transaction as db:
                db(
                    "UPDATE mailintake_delivery SET outcome='ignored', rule='vanished', reason=%s, live=NULL, "
                    f"recorded=%s WHERE outcome IS NULL AND owner IS NULL AND id IN ({marks(ids)})",
                    ("It was no longer in the mailbox when it was to be read.", now(), *ids),
                )
        self._retire(recorded)

    def _retire(self, ids: Iterable[int]) -> None:
        for some in chunks(ids):
            with self._env.db_transaction as db:
                db(f"UPDATE mailintake_delivery SET live=NULL WHERE id IN ({marks(some)})", some)

    def forget(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Recorder.forget`."""
        with temporary(self._env):
            self._retire(delivery.id for delivery in deliveries)

    def _remember(self, service: Service, account: Account, listing: Sequence[Listed]) -> None:
        """A first run with `start=now`: what lies there already is ignored, and remembered."""
        for some in chunks(listing, 50):
            with self._env.db_transaction as db:
                self._insert(db, service, account, some, owner=None)
                lives = [_live(account, listed) for listed in some]
                db(
                    "UPDATE mailintake_delivery SET outcome='ignored', rule='start', reason=%s, recorded=%s "
                    f"WHERE outcome IS NULL AND live IN ({marks(lives)})",
                    ("It was there before the service's first run, and start=now.", now(), *lives),
                )

    # the dead

    def bury(self, owner: str) -> None:
        """What this worker held, or had not yet disposed of, may be taken over at once. Raises TemporaryFailure."""
        with temporary(self._env), self._env.db_transaction as db:
            db("UPDATE mailintake_delivery SET lease=0 WHERE owner=%s AND consumed=0", (owner,))

    def unused(self, archive: str) -> bool:
        """Whether no row refers to a batch of the archive. Raises TemporaryFailure."""
        with temporary(self._env):
            return not self._env.db_query("SELECT id FROM mailintake_delivery WHERE archive=%s LIMIT 1", (archive,))

    # claim

    def claim(self, service: Service, account: Account, limit: int) -> list[Delivery]:
        """See `ports.Recorder.claim`. Raises TemporaryFailure."""
        pending = self._pending.setdefault(account.label, {})
        tries = 0
        while tries < _TRIES:
            wanted = _next(service, pending, limit)
            if not wanted:
                break
            try:
                with temporary(self._env):
                    taken, passed = self._take(service, account, wanted)
            except Stale:
                tries += 1  # another worker inserted one of them first: look again
                continue
            for live in passed:
                del pending[live]
            if taken:
                return taken
        return []

    def _take(
        self, service: Service, account: Account, wanted: Mapping[str, Listed]
    ) -> tuple[list[Delivery], list[str]]:
        """Take what can be taken of `wanted`, in one transaction; with the keys that are done with for this round."""
        with self._env.db_transaction as db:
            rows = {row.live: row for row in self._rows(db, list(wanted))}
            free = {live: row for live, row in rows.items() if self._free(row)}
            usable = _alone_first([live for live in wanted if live not in rows or live in free], free)
            fresh = [wanted[live] for live in usable if live not in rows]
            if fresh:
                self._insert(db, service, account, fresh, owner=self._worker.owner)
            for live in usable:
                if live in free:
                    self._seize(db, free[live], wanted[live])
            taken = {row.live: row for row in self._rows(db, usable)}
        busy = [live for live in rows if live not in free]
        return [self._delivery(service, account, wanted[live], taken[live]) for live in usable], busy + usable

    def _rows(self, db: Connection, lives: Sequence[str]) -> list[_Row]:
        if not lives:
            return []
        return [
            _Row(*row) for row in db(f"SELECT {_ROW} FROM mailintake_delivery WHERE live IN ({marks(lives)})", lives)
        ]

    def _free(self, row: _Row) -> bool:
        if row.outcome is not None:
            return False
        if row.owner is None:
            return row.retry_at <= now()
        return not self._holds(row)

    def _seize(self, db: Connection, row: _Row, listed: Listed) -> None:
        """Take a row over. One that has an owner still was held by a worker that died: `alone` from now on."""
        died = row.owner is not None
        cursor = db.cursor()
        cursor.execute(
            "UPDATE mailintake_delivery SET owner=%s, fence=fence+1, lease=%s, fingerprint=%s, alone=%s, deaths=%s "
            "WHERE id=%s AND fence=%s AND outcome IS NULL",
            (
                self._worker.owner,
                now() + LEASE,
                listed.fingerprint,
                1 if died else row.alone,
                row.deaths + (row.alone if died else 0),
                row.id,
                row.fence,
            ),
        )  # fmt: skip - the order of the statement
        if cursor.rowcount != 1:
            raise Stale(row.live)

    def _insert(
        self, db: Connection, service: Service, account: Account, fresh: Sequence[Listed], *, owner: str | None
    ) -> None:
        lease = now() + LEASE if owner else 0
        values: list[object] = []
        for listed in fresh:
            arrived = int(listed.arrived.timestamp() * SECOND) if listed.arrived else 0
            values += (
                _live(account, listed),
                service.name,
                _account(account),
                account.label,
                listed.locator,
                listed.fingerprint,
                listed.size or 0,
                arrived,
                owner,
                1,
                lease,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
            )  # fmt: skip - the order of _COLUMNS
        row = f"({marks(_COLUMNS)})"
        db(
            f"INSERT INTO mailintake_delivery ({','.join(_COLUMNS)}) VALUES {','.join([row] * len(fresh))}",
            values,
        )

    # while it is held

    def renew(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Recorder.renew`. Raises TemporaryFailure."""
        for some in chunks(delivery.id for delivery in deliveries):
            with temporary(self._env), self._env.db_transaction as db:
                db(
                    "UPDATE mailintake_delivery SET lease=%s "
                    f"WHERE owner=%s AND outcome IS NULL AND id IN ({marks(some)})",
                    (now() + LEASE, self._worker.owner, *some),
                )

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Recorder.release`. Raises TemporaryFailure."""
        for some in chunks(delivery.id for delivery in deliveries):
            with temporary(self._env), self._env.db_transaction as db:
                db(
                    "UPDATE mailintake_delivery SET owner=NULL, lease=0 "
                    f"WHERE owner=%s AND outcome IS NULL AND id IN ({marks(some)})",
                    (self._worker.owner, *some),
                )

    def defer(self, delivery: Delivery, reason: str, *, seconds: float, counted: bool) -> None:
        """See `ports.Recorder.defer`."""
        with temporary(self._env), self._env.db_transaction as db:
            cursor = db.cursor()
            cursor.execute(
                "UPDATE mailintake_delivery SET owner=NULL, lease=0, alone=0, deaths=0, retry_at=%s, failure=%s, "
                "attempts=attempts+%s WHERE id=%s AND owner=%s AND fence=%s AND outcome IS NULL",
                (
                    now() + int(seconds * SECOND),
                    reason,
                    int(counted),
                    delivery.id,
                    self._worker.owner,
                    delivery.fence,
                ),
            )  # fmt: skip - the order of the statement
            if cursor.rowcount != 1:
                raise NoLongerMine(delivery.listed.locator)

    def awaited(self, delivery: Delivery) -> bool:
        """See `ports.Recorder.awaited`."""
        with temporary(self._env):
            rows = self._env.db_query(
                "SELECT DISTINCT owner, lease FROM mailintake_delivery WHERE account=%s AND live IS NOT NULL "
                "AND outcome IS NULL AND owner IS NOT NULL AND owner<>%s AND id<%s",
                (_account(delivery.account), self._worker.owner, delivery.id),
            )
        return any(lease > now() and self._worker.alive(owner) is not False for owner, lease in rows)

    def _delivery(self, service: Service, account: Account, listed: Listed, row: _Row) -> Delivery:
        raw = None
        if row.archive and row.archive_length is not None:
            raw = found(self._env, row.archive, row.archive_offset or 0, row.archive_length)
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
        )  # fmt: skip - one value a field


def _account(account: Account) -> str:
    return key(account.kind, account.label)


def _live(account: Account, listed: Listed) -> str:
    return key(account.kind, account.label, listed.locator)


def _next(service: Service, pending: Mapping[str, Listed], limit: int) -> dict[str, Listed]:
    """The next messages to look at: not before the service's start, not too many bytes at once."""
    since = None
    if service.start not in ("all", "now"):
        since = datetime.fromisoformat(service.start).replace(tzinfo=UTC)
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


def _alone_first(usable: list[str], free: Mapping[str, _Row]) -> list[str]:
    """A message that a worker died with is taken alone, so that one knows who was to blame if it happens again."""
    for place, live in enumerate(usable):
        row = free.get(live)
        if row is not None and (row.alone or row.owner is not None):
            return usable[:place] or [live]
    return usable
