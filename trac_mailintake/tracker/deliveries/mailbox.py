"""record: compares a source's listing with the stored rows."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Afterwards, Left, Listed
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.clock import ahead
from trac_mailintake.tracker.db.durable import durable
from trac_mailintake.tracker.db.transaction import HOUR, MINUTE, SECOND, chunks, marks, now, temporary, transaction
from trac_mailintake.tracker.deliveries import ownership
from trac_mailintake.tracker.deliveries.rows import COLUMNS, Row, delivery, fresh, live_key, live_keys, passed_key
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.states import DECIDED, NEXT, Event, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.model import Account, Delivery
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.wording import Reason
    from trac_mailintake.tracker.workers import Worker

SETTLED: Final = Microseconds(10 * MINUTE)
"""How long a row is kept after its message is gone: another worker may still use an older listing."""

_LONGEST_LEASE: Final = HOUR
"""Longer than any lease of a delivery."""


class Listings:
    """The listings of one worker's rounds."""

    def __init__(self, env: Environment, worker: Worker) -> None:
        """`worker` is the worker whose rounds these are."""
        self._env = env
        self._worker = worker
        self._pending: dict[str, dict[str, Listed]] = {}
        """By mailbox: the listed messages that this round may claim, by live key, in the mailbox's order."""
        self._backlog: set[str] = set()
        """Services in their first run, whose mail does not count for rates."""
        self._undeferred: set[int] = set()
        """The deliveries that this worker could not defer: it has the claims, and nobody works on them."""
        self._left: dict[int, str] = {}
        """By delivery that a dead worker held: the batch of the archive that may have its bytes."""

    def admit(self, service: Service, account: Account) -> str:
        """See `ports.Mailbox.admit`. Pipes have no mailbox to own. Raises TemporaryFailure."""
        return "" if service.pushed else ownership.admit(self._env, account)

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

    def reconcile(self, service: Service, account: Account, listing: Sequence[Listed]) -> list[Delivery]:
        """See `ports.Mailbox.reconcile`. Raises TemporaryFailure.

        Messages that another service skipped because of its address are still new to this one.
        """
        keys = {live_key(account, listed): listed for listed in listing}
        if not service.last_success:
            self._backlog.add(service.name)
        rows = self._remembered(account)
        with temporary(self._env):
            known = any(row.service == service.name for row in rows)
            if not known and service.start == "now" and not service.last_success:
                self._remember(service, account, listing)
                self._pending[account.label] = {}
                return []
            passing = {row.service for row in rows if row.state is State.IGNORED}
            named = keys | {passed_key(account, each, other): each for other in passing for each in listing}
            unlisted = self._unlisted(service, account, [row for row in rows if row.live not in named])
            hidden = {each.id for each in unlisted}
            self._let_go(service, [row for row in rows if row.live not in named and row.id not in hidden])
        kept = [row for row in rows if row.live in named]
        replaced = [row for row in kept if row.state in DECIDED and row.fingerprint != named[row.live].fingerprint]
        with temporary(self._env):
            self._retire(row.id for row in replaced)
        settled = {row.live for row in kept if row.state in DECIDED}.difference(row.live for row in replaced)
        if service.name in passing:
            settled |= {live for live, each in keys.items() if passed_key(account, each, service.name) in settled}
        self._pending[account.label] = {live: each for live, each in keys.items() if live not in settled}
        left = unlisted + [
            delivery(self._env, service, account, named[row.live], row)
            for row in kept
            if row not in replaced and self._left_over(service, row)
        ]
        self._make_sure(left)
        return left

    def _make_sure(self, left: Sequence[Delivery]) -> None:
        """Flush the outcomes of these deliveries before their copies are disposed of.

        The worker that recorded them may have been killed between the commit, which is visible, and its flush, or the
        flush failed. A later flushed commit also makes it durable, if that commit changes something.
        """
        if left:
            with temporary(self._env), durable(self._env) as db:
                transitions.confirm(db, left[0].id)

    def _remembered(self, account: Account) -> list[Row]:
        with temporary(self._env):
            rows = self._env.db_query(
                f"SELECT {COLUMNS} FROM mailintake_delivery WHERE live>=%s AND live<%s", live_keys(account)
            )
        return [Row.of(row) for row in rows]

    def _unlisted(self, service: Service, account: Account, gone: Sequence[Row]) -> list[Delivery]:
        """Deliveries that are no longer listed, but not stored as disposed of.

        They may be gone or only hidden: over IMAP a message is marked as deleted first and expunged a moment later.
        """
        rows = {row.id: row for row in gone if not row.consumed and self._left_over(service, row)}
        found: list[Delivery] = []
        for some in chunks(rows):
            for number, locator, size in self._env.db_query(
                f"SELECT id, locator, size FROM mailintake_delivery WHERE id IN ({marks(some)}) ORDER BY id", some
            ):
                row = rows[number]
                found.append(delivery(self._env, service, account, Listed(locator, row.fingerprint, size or None), row))
        return found

    def pending(self, service: Service, account: Account) -> list[Listed]:
        """See `ports.Mailbox.pending`."""
        since = begins(service)
        listing = self._pending.get(account.label, {}).values()
        return [listed for listed in listing if not (since and listed.arrived and listed.arrived < since)]

    def left(self, service: Service, account: Account) -> Left:
        """The messages of the reconciled listing that are still unclaimed at the end of a round."""
        waiting = [listed.arrived for listed in self.pending(service, account)]
        oldest = min(filter(None, waiting), default=None)
        return Left(len(waiting), Microseconds(int(oldest.timestamp() * SECOND) if oldest else 0))

    def _left_over(self, service: Service, row: Row) -> bool:
        """Whether the mailbox's copy of a recorded row remains to be disposed of, and no live worker will do it."""
        if row.state not in DECIDED - {State.IGNORED} or not row.archive:
            return False
        if not row.consumed:
            return row.owner is None or row.owner == self._worker.owner or not self._holds(row)
        # Disposed of, but still listed: the server undid it, or reused the locator.
        gone = service.afterwards.word in (Afterwards.DELETE, Afterwards.MOVE)
        return gone and row.consumed < now() - SETTLED

    def _holds(self, row: Row) -> bool:
        """Whether the row's owner still holds its claim."""
        alive = self._worker.alive(row.owner or "")
        return ahead(row.lease, _LONGEST_LEASE) if alive is None else alive

    def _let_go(self, service: Service, gone: Sequence[Row]) -> None:
        """Retire rows whose messages are no longer listed, so that their locators can be used again after a while.

        A pipe lists only the message that it was handed, so other messages are not gone because it does not list them.
        """
        before = now() - SETTLED
        self._vanish([row for row in gone if not service.pushed and self._unread(row)])
        self._retire(row.id for row in gone if row.state in DECIDED and row.recorded < before)

    def _unread(self, row: Row) -> bool:
        """Whether no worker has read the message: it was never claimed, or its worker died."""
        return row.state in NEXT[Event.VANISH] and (not row.owner or not self._holds(row))

    def _vanish(self, rows: Sequence[Row]) -> None:
        """Record that these were gone before they could be read, except those that another worker has taken over."""
        for batch in sorted({self._left.get(row.id, "") for row in rows}):
            self._say_vanished(_vanished(batch), [row for row in rows if self._left.get(row.id, "") == batch])

    def _say_vanished(self, reason: Reason, rows: Sequence[Row]) -> None:
        for some in chunks(rows):
            owners = sorted({row.owner or "" for row in some})
            with transaction(self._env) as db:
                transitions.vanish(db, [row.id for row in some], owners, reason)

    def _retire(self, ids: Iterable[int]) -> None:
        for some in chunks(ids):
            with transaction(self._env) as db:
                transitions.retire(db, some)

    def forget(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Mailbox.forget`."""
        with temporary(self._env):
            self._retire(each.id for each in deliveries)

    def _remember(self, service: Service, account: Account, listing: Sequence[Listed]) -> None:
        """For a first run with `start=now`: ignore and remember the messages that are already there."""
        reason = reasons.START()
        for some in chunks(listing, 50):
            with transaction(self._env) as db:
                transitions.skip(db, [fresh(service, account, each, None, Microseconds(0)) for each in some], reason)


def _vanished(batch: str) -> Reason:
    """The reason for ignoring a mail that is no longer listed; `batch` may have its bytes."""
    return reasons.VANISHED_AGAIN(batch=batch) if batch else reasons.VANISHED()


def begins(service: Service) -> datetime | None:
    """The date before which a service ignores mail; None if it takes all mail."""
    if service.start in ("all", "now"):
        return None
    return datetime.fromisoformat(service.start).replace(tzinfo=UTC)
