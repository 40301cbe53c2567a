"""record: who works on which message (docs/behaviour.md#claims-and-leases).

A claim is an undecided row of `mailintake_delivery` with an owner and a lease: see `db.lease`. Here is what is special
about mail: in which order it is claimed, what a worker died with, and which mail waits for other mail. All statements
are portable. They rely on the database's isolation only in that updates of one row happen one after the other.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import NoLongerMine, Stale
from trac_mailintake.intake.model import Account, Delivery, Listed
from trac_mailintake.intake.ports import Wait
from trac_mailintake.intake.times import Microseconds, Seconds
from trac_mailintake.tracker.archive.store import found, there
from trac_mailintake.tracker.db.lease import Hold
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
from trac_mailintake.tracker.deliveries import misses
from trac_mailintake.tracker.deliveries.rows import COLUMNS, Row, account_key, delivery, fresh, place, rows_of
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.states import IN_ARCHIVE, UNDECIDED, WAITING, State, each_of
from trac_mailintake.tracker.lifecycle.transitions import LEASES, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trac_mailintake.intake.model import Outcome
    from trac_mailintake.intake.ports import Recorded
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.tracker.db.transaction import Connection
    from trac_mailintake.tracker.deliveries.session import Session, Waiting

_ARCHIVED = "archive"
"""Stands for the kind of source of a delivery from quarantine, whose mailbox is no longer involved."""

_OF_MAILBOX = "COALESCE(account, '')=%s AND COALESCE(live, '')<>''"
"""Rows of one mailbox. COALESCE hides its index: few rows are undecided, a mailbox may have 20,000."""

_DUE = "CASE WHEN lease>%s THEN %s WHEN lease>0 THEN lease ELSE COALESCE(retry_at, 0) END"
"""When a mail is due that nobody holds, with two placeholders for the present.

A lease that is left is of a dead worker. Without one, `retry_at` is the next attempt, or when its worker released it
or died.
"""

_UNREAD = Microseconds(15 * MINUTE)
"""How long after it was first listed a mail is waited for that does not come, and whose id is unknown.

Its first retry ends the wait, but where many do not come, that may be far off.
"""

_MAYBE = f"message_id IS NULL AND (state<>'{State.DEFERRED.value}' OR seen>%s)"
"""Whether a mail may have any id."""

_TRIES = 20
"""How often another worker may insert the same row first before this one gives up the round."""


_RELEASED: Final = "It is in the archive: the round ended before it was decided."


class DatabaseClaims:
    """The claims of one worker. Implements `ports.Claims`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._env = session.env
        self._worker = session.worker

    # held mail

    def reclaim(self, row: int) -> Delivery | None:
        """Claim a held delivery, to be decided again from the archive; None if it is not held.

        If nothing is recorded, it is held again: see `lifecycle.states`. Raises TemporaryFailure.
        """
        with transaction(self._env) as db:
            if not transitions.reclaim(db, row, self._worker.owner):
                return None
            kept = Row.of(db(f"SELECT {COLUMNS} FROM mailintake_delivery WHERE id=%s", (row,))[0])
            name, label, locator = db("SELECT service, label, locator FROM mailintake_delivery WHERE id=%s", (row,))[0]
        raw = found(self._env, kept.archive or "", kept.archive_offset or 0, kept.archive_length or 0)
        listed = Listed(locator, kept.fingerprint, raw.length)
        account = Account(_ARCHIVED, label)
        refiled = bool(kept.refiled)
        sha256 = kept.sha256 or ""
        return Delivery(row, name, account, listed, kept.fence, raw=raw, sha256=sha256, again=True, refiled=refiled)

    # claim

    def room(self, service: Service) -> tuple[int, str]:
        """See `ports.Claims.room`. Tickets from before the service was last enabled do not count."""
        most = service.rates.rate_service
        if not most:
            return sys.maxsize, ""
        with temporary(self._env):
            rows = self._env.db_query(
                "SELECT COUNT(*) FROM mailintake_delivery WHERE service=%s AND counted>%s AND state='created'",
                (service.name, max(now() - HOUR, service.resumed)),
            )
        number = int(rows[0][0])
        if number < most:
            return most - number, ""
        why = f"{number} new tickets within an hour; rate_service allows {most}. Enabling the service lets it go on."
        return 0, why

    def claim(self, service: Service, account: Account, limit: int, *, alone: bool = True) -> list[Delivery]:
        """See `ports.Claims.claim`. Raises TemporaryFailure."""
        waiting = self._session.of(account)
        tries = 0
        while tries < _TRIES:
            wanted = waiting.next(service, limit)
            if not wanted:
                break
            try:
                with temporary(self._env):
                    taken, passed = self._take(service, account, wanted, alone=alone)
            except Stale:
                tries += 1  # another worker inserted one of them first: query again
                continue
            for live in passed:
                del waiting.messages[live]
            if taken or not passed:
                return taken
        return []

    def _take(
        self, service: Service, account: Account, wanted: Mapping[str, Listed], *, alone: bool
    ) -> tuple[list[Delivery], list[str]]:
        """Claim as many of `wanted` as possible, in one transaction. Returns also the keys that are done with."""
        waiting = self._session.of(account)
        with transaction(self._env) as db:
            known, free = self._known(db, wanted)
            busy = known.keys() - free.keys()
            usable = _alone_first([live for live in wanted if live not in busy], free, alone=alone)
            self._insert(db, service, account, [wanted[live] for live in usable if live not in known])
            for live in filter(free.__contains__, usable):
                self._seize(db, free[live], wanted[live], listed=live not in waiting.unlisted)
            taken = {row.live: row for row in rows_of(db, usable)}
        self._note(taken, waiting)
        deliveries = [delivery(self._env, service, account, wanted[live], taken[live]) for live in usable]
        return deliveries, [*busy, *usable]

    def _known(self, db: Connection, wanted: Mapping[str, Listed]) -> tuple[dict[str, Row], dict[str, Row]]:
        """The rows of these messages that are there, and those of them that nobody works on."""
        known = {row.live: row for row in rows_of(db, list(wanted))}
        return known, {live: row for live, row in known.items() if self._free(row)}

    def _insert(self, db: Connection, service: Service, account: Account, new: Sequence[Listed]) -> None:
        if new:
            lease = LEASES.expiry()
            transitions.claim(db, [fresh(service, account, each, self._worker.owner, lease) for each in new])

    def _note(self, taken: Mapping[str, Row], waiting: Waiting) -> None:
        self._session.open.update(row.id for row in taken.values())
        self._session.unlisted.update(row.id for live, row in taken.items() if live in waiting.unlisted)

    def _free(self, row: Row) -> bool:
        if row.state in WAITING:
            return not LEASES.waits(row.retry_at)
        if row.state in (State.CLAIMED, State.RESUMED):
            return not self._session.holds(row)
        return not misses.waits(row)

    def _seize(self, db: Connection, row: Row, message: Listed, *, listed: bool) -> None:
        """Take over a row. If it still has an owner, a worker died with it: it is handled `alone` from now on.

        A message whose bytes have left the archive is fetched again, if it is still `listed`.
        """
        died = row.owner is not None
        alone, deaths = (1, row.deaths + row.alone) if died else (row.alone, row.deaths)
        how = transitions.Taking(message.fingerprint, message.size or 0, alone, deaths)
        lost = listed and row.state in IN_ARCHIVE and not self._archived(row)
        seize = transitions.refetch if lost else transitions.take
        if row.state is State.HELD:
            seize = transitions.retry
        if not seize(db, Hold(row.id, row.owner or "", row.fence), self._worker.owner, how):
            raise Stale(row.live)

    def _archived(self, row: Row) -> bool:
        return there(self._env, row.archive or "", (row.archive_offset or 0) + (row.archive_length or 0))

    # while it is held

    def renew(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Claims.renew`. Raises TemporaryFailure."""
        for some in chunks(each.id for each in deliveries):
            with transaction(self._env) as db:
                transitions.renew(db, self._worker.owner, some)

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Claims.release`. Raises TemporaryFailure."""
        for some in chunks(each.id for each in deliveries if each.raw is None):
            with transaction(self._env) as db:
                transitions.release(db, self._worker.owner, some)
        for each in deliveries:
            if each.raw is not None:
                with transaction(self._env) as db:
                    self._put_off(db, each, Failure(_RELEASED, now(), None, 0))

    def defer(
        self, claimed: Delivery, reason: str, *, seconds: Seconds, counted: bool, message_id: str | None = None
    ) -> None:
        """See `ports.Claims.defer`."""
        self._session.undeferred.add(claimed.id)
        failure = Failure(reason, Microseconds(now() + int(seconds * SECOND)), message_id, int(counted))
        with transaction(self._env) as db:
            if not self._put_off(db, claimed, failure):
                raise NoLongerMine(claimed.listed.locator)
        self._session.undeferred.discard(claimed.id)
        self._session.open.discard(claimed.id)

    def miss(
        self, claimed: Delivery, reason: str, *, seconds: Seconds, asked: bool, message_id: str | None = None
    ) -> Outcome | None:
        """See `ports.Claims.miss`."""
        return misses.miss(self._session, claimed, reason, seconds=seconds, asked=asked, message_id=message_id)

    def blame(self, missed: Sequence[Delivery]) -> Sequence[Recorded]:
        """See `ports.Claims.blame`. Raises TemporaryFailure."""
        return misses.blame(self._session, missed)

    def _put_off(self, db: Connection, claimed: Delivery, failure: Failure) -> int:
        hold = Hold(claimed.id, self._worker.owner, claimed.fence)
        if claimed.raw is None:
            return transitions.defer(db, hold, failure)
        return transitions.seal(db, hold, place(self._env, claimed, claimed.raw), failure)

    def parent_elsewhere(self, claimed: Delivery, message_ids: Sequence[str]) -> Wait | None:
        """See `ports.Claims.parent_elsewhere`. Raises TemporaryFailure.

        One row for each worker that holds older messages, and one for those that nobody holds: few, however many mails.
        What a dead worker held is due at once: the mailbox or the mail server still has it. What nobody has taken
        although it has long been due may never be: its service is disabled, or its mail server has given it up.
        """
        some, present = list(dict.fromkeys(message_ids))[-CHUNK:], now()
        stuck, mailbox = sorted(self._session.undeferred), account_key(claimed.account)
        undecided = each_of(UNDECIDED, "id, account, live, owner, lease, message_id, retry_at, state, seen")
        with temporary(self._env):
            rows = self._env.db_query(
                "SELECT COALESCE(owner, ''), lease, "
                f"MAX(CASE WHEN message_id IN ({marks(some)}) OR ({_MAYBE}) THEN {_DUE} END) "
                f"FROM {undecided} WHERE {_OF_MAILBOX} AND id + 0<%s "
                f"AND (COALESCE(owner, '')<>%s OR id + 0 IN ({marks(stuck) or 'NULL'})) GROUP BY owner, lease",
                (*some, present - _UNREAD, present, present, mailbox, claimed.id, self._worker.owner, *stuck),
            )
        if any(owner and self._session.held(owner, lease) for owner, lease, _ in rows):
            return Wait(None)
        return _until(due for *_, due in rows if due is not None)


def _until(dues: Iterable[Microseconds]) -> Wait | None:
    """The wait for mail that is due at these times, but not for what nobody has taken although it has long been due."""
    present = now()
    later = max((due for due in dues if due > present - LEASES.longest), default=None)
    if later is None:
        return None
    return Wait(Seconds((later - present) / SECOND if LEASES.waits(later) else 0.0))


def _alone_first(usable: list[str], free: Mapping[str, Row], *, alone: bool) -> list[str]:
    """Messages that a worker died with are claimed alone, so that the cause is clear if it happens again."""
    for number, live in enumerate(usable):
        row = free.get(live)
        if row is not None and (row.alone or row.owner is not None):
            return usable[:number] or ([live] if alone else [])
    return usable
