"""record: compares a source's listing with the stored rows.

Each row gets a `Standing`, and each standing one consequence. A mail that is no longer listed is decided from the
archive if its bytes are there, and otherwise said to have vanished.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Afterwards, Left, Listed
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.clock import lately
from trac_mailintake.tracker.db.durable import durable
from trac_mailintake.tracker.db.transaction import MINUTE, SECOND, chunks, marks, now, temporary, transaction
from trac_mailintake.tracker.deliveries import misses, ownership, recovery
from trac_mailintake.tracker.deliveries.hints import is_without_bytes
from trac_mailintake.tracker.deliveries.identity import Doubt, Identity, content_of
from trac_mailintake.tracker.deliveries.rows import (
    COLUMNS,
    Row,
    delivery,
    displaced_key,
    fresh,
    live_key,
    live_keys,
    passed_key,
)
from trac_mailintake.tracker.deliveries.session import Waiting, merged
from trac_mailintake.tracker.deliveries.unclaimed import NONE, services_here, unclaimed
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.states import AT_WORK, DECIDED, IN_ARCHIVE, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trac_mailintake.intake.model import Account, Delivery
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.wording import Reason
    from trac_mailintake.tracker.deliveries.session import Session

SETTLED: Final = Microseconds(10 * MINUTE)
"""How long a row is kept after its message is gone: another worker may still use an older listing."""


@dataclass(frozen=True, slots=True)
class Absence:
    """How to treat mail that nothing lists any more: its mailbox has no service, or it was handed to a pipe.

    `sealed`, `unread`: how long after its last try it may still be taken up elsewhere, by whether its bytes are in the
    archive. After that it is decided from the archive, or ignored for `reason`.
    """

    sealed: Microseconds
    unread: Microseconds
    reason: Reason

    def may_come(self, row: Row) -> bool:
        """Whether a mail may still be taken up elsewhere."""
        return lately(row.tried, now(), self.sealed if row.state in IN_ARCHIVE else self.unread)


class Standing(Enum):
    """What a listing means for a row."""

    PENDING = auto()
    """Undecided and listed, or held without its bytes and to be fetched again: it may be claimed."""
    KEPT = auto()
    """Undecided and not listed, but its bytes are in the archive: it may be claimed, and is decided from them."""
    DISPLACED = auto()
    """Likewise, and the mailbox has another message at its locator."""
    VANISHED = auto()
    """Undecided or held, and not listed, and nobody has its bytes."""
    ELSEWHERE = auto()
    """Undecided, and none of this round's business: another worker has it, or another service, or a mail server."""
    REPLACED = auto()
    """Decided, and the mailbox has another message at its locator."""
    LEFT = auto()
    """Decided and listed: its copy remains to be disposed of, and no live worker will do it."""
    HIDDEN = auto()
    """Likewise, but not listed: over IMAP a message is marked as deleted first and expunged a moment later.

    Also if it was expunged, as the server said, and is still there, marked as deleted.
    """
    GONE = auto()
    """Decided, and not listed for so long that its locator may be used again."""
    DONE = auto()
    """Decided, and nothing to do."""
    DOUBTFUL = auto()
    """A listed message must be read before it is known whether it is the one of this row: see `identity`."""


@dataclass(frozen=True, slots=True)
class _View:
    """A listing as a service sees it.

    `keys`: the messages by live key. `named`: by every live key that a row of them may have. `passed`: by live key, the
    key of the row by which this service passed the message over. `again`: held rows whose copy is to be fetched again.
    `marked`: the live keys of messages that are there, but marked as deleted.
    """

    service: Service
    account: Account
    keys: Mapping[str, Listed]
    named: Mapping[str, Listed]
    passed: Mapping[str, str]
    marked: frozenset[str]
    again: frozenset[int] = frozenset()
    doubt: Doubt = field(default_factory=Doubt)

    @property
    def is_partial(self) -> bool:
        """Whether messages may be there that are not listed: a pipe lists only the one that it was handed.

        After a new epoch others may be listed by other locators.
        """
        return self.service.pushed or self.doubt.renewed

    def is_doubtful(self, row: Row) -> bool:
        """Whether it is not known if a listed message is the one of this row."""
        return row.live in self.doubt.resized or row.id in self.doubt.lost


class DatabaseMailbox:
    """The mailboxes of one worker's rounds. Implements `ports.Mailbox`."""

    def __init__(self, session: Session, absence: Absence | None = None) -> None:
        """`absence`: for rounds without a mailbox, which list nothing."""
        self._session = session
        self._absence = absence
        self._vanished = absence.reason if absence else reasons.VANISHED()
        self._env = session.env
        self._identity = Identity(session)
        self._unclaimed: dict[str, tuple[int, Microseconds]] = {}
        """By mailbox: see `unclaimed`."""

    def admit(self, service: Service, account: Account) -> str:
        """See `ports.Mailbox.admit`. Pipes have no mailbox to own. Raises TemporaryFailure."""
        return "" if service.pushed else ownership.admit(self._env, account)

    def reconcile(
        self, service: Service, account: Account, listing: Sequence[Listed], marked: Sequence[Listed] = ()
    ) -> list[Delivery]:
        """See `ports.Mailbox.reconcile`. Raises TemporaryFailure.

        Messages that another service skipped because of its address are still new to this one.
        """
        if not service.last_success:
            self._session.backlog.add(service.name)
        with temporary(self._env):
            rows = self._remembered(account)
            if service.start == "now" and not service.last_success and not _knows(rows, service):
                self._skip(service, account, listing)
                self._session.waiting[account.label] = Waiting()
                return []
            view = _view(service, account, listing, rows, marked)
            sealed = recovery.seal_lost(self._env, self._lost(view, rows))
            if self._identity.follow(account, view, rows) or sealed:
                rows = self._remembered(account)
            doubt = self._identity.doubt(service, account, view, rows)
            if doubt.held:
                rows = self._remembered(account)
            view = replace(view, again=misses.due(self._env, service, rows, self._session.limit), doubt=doubt)
            self._unclaimed[account.label] = unclaimed(self._env, service, account, listing, rows)
            standings = self._sorted(view, rows)
            self._identity.kept(service, account, sum(bool(row.consumed) for row in standings[Standing.LEFT]))
            return self._act(view, standings)

    def doubtful(self, account: Account) -> list[Listed]:
        """See `ports.Mailbox.doubtful`."""
        return list(self._identity.of(account).listed(account).values())

    def recognise(self, service: Service, account: Account, readings: Sequence[tuple[Listed, str]]) -> None:
        """See `ports.Mailbox.recognise`. Raises TemporaryFailure."""
        del service
        with temporary(self._env):
            self._identity.recognise(account, readings)

    def _remembered(self, account: Account) -> list[Row]:
        sql = f"SELECT {COLUMNS} FROM mailintake_delivery WHERE live>=%s AND live<%s"
        return [Row.of(row) for row in self._env.db_query(sql, live_keys(account))]

    def _lost(self, view: _View, rows: Sequence[Row]) -> set[str]:
        """The dead workers that had claims on messages that are not listed any more: they may have archived them."""
        claimed = [row for row in rows if row.state is State.CLAIMED]
        return {row.owner or "" for row in claimed if self._standing(view, row) is Standing.VANISHED}

    # what the listing means

    def _sorted(self, view: _View, rows: Sequence[Row]) -> Mapping[Standing, list[Row]]:
        found = defaultdict[Standing, list[Row]](list)
        for row in rows:
            found[self._standing(view, row)].append(row)
        return found

    def _standing(self, view: _View, row: Row) -> Standing:
        if view.is_doubtful(row):
            return Standing.DOUBTFUL
        if row.state in DECIDED:
            return self._of_decided(view, row)
        return Standing.DONE if row.state is State.RECLAIMED else self._of_undecided(view, row)

    def _of_decided(self, view: _View, row: Row) -> Standing:
        listed = view.named.get(row.live)
        if listed is None:
            return self._of_unlisted(view, row)
        if _is_another(listed, row):
            return Standing.REPLACED
        if row.id in view.again:
            return Standing.PENDING
        return Standing.LEFT if self._left_over(view.service, row) else Standing.DONE

    def _of_unlisted(self, view: _View, row: Row) -> Standing:
        """The standing of a decided row whose message is not listed."""
        disposed_of = row.archive and row.state is not State.IGNORED
        if disposed_of and not row.consumed:
            # While its worker is alive it must not be forgotten: that may die before it is done.
            return Standing.HIDDEN if self._left_over(view.service, row) else Standing.DONE
        if is_without_bytes(row):
            return self._of_unfetched(view, row)
        if disposed_of and row.live in view.marked and _removes(view.service):
            # The server said that it had expunged it, and lost that. To do it again does no harm.
            return Standing.HIDDEN
        return Standing.GONE if row.recorded < now() - SETTLED else Standing.DONE

    def _of_unfetched(self, view: _View, row: Row) -> Standing:
        """The standing of mail that is held without its bytes, and is not listed."""
        unknown = self._absence or view.is_partial or row.recorded >= now() - SETTLED
        return Standing.DONE if unknown else Standing.VANISHED

    def _of_undecided(self, view: _View, row: Row) -> Standing:
        listed = view.named.get(row.live)
        busy = row.state in AT_WORK and self._session.holds(row)
        archived = row.state in IN_ARCHIVE
        if listed is not None:
            displaced = archived and not busy and _is_another(listed, row)
            return Standing.DISPLACED if displaced else Standing.PENDING
        if busy or (self._absence.may_come(row) if self._absence else view.is_partial):
            return Standing.ELSEWHERE
        return Standing.KEPT if archived else Standing.VANISHED

    def _left_over(self, service: Service, row: Row) -> bool:
        """Whether the mailbox's copy of a recorded row remains to be disposed of, and no live worker will do it."""
        if row.state is State.IGNORED or not row.archive:
            return False
        if not row.consumed:
            return row.owner is None or row.owner == self._session.worker.owner or not self._session.holds(row)
        # Disposed of, but still listed: the server undid it, or reused the locator.
        return _removes(service) and row.consumed < now() - SETTLED

    def _ours(self, service: Service, kept: list[Row]) -> list[Row]:
        """Each service decides about what it had fetched; any may do so for one that left, or was removed."""
        if all(row.service == service.name for row in kept):
            return kept
        others = services_here(self._env, service, enabled=False) - {service.name}
        return [row for row in kept if row.service not in others]

    # what follows

    def _act(self, view: _View, found: Mapping[Standing, list[Row]]) -> list[Delivery]:
        """Do what follows from the standings. Returns what is left to dispose of."""
        self._vanish(found[Standing.VANISHED])
        self._retire(row.id for row in (*found[Standing.REPLACED], *found[Standing.GONE]))
        displaced = self._displaced(view.account, found[Standing.DISPLACED])
        kept = self._ours(view.service, [*found[Standing.KEPT], *displaced])
        self._session.waiting[view.account.label] = self._waiting(view, found, kept)
        return self._left(view, found)

    def _waiting(self, view: _View, found: Mapping[Standing, list[Row]], kept: Sequence[Row]) -> Waiting:
        """What this round may claim: `kept` is no longer listed, but in the archive."""
        settled = {row.live for row in (*found[Standing.LEFT], *found[Standing.DONE])}
        settled |= {live for live, each in view.passed.items() if each in settled}
        settled |= view.doubt.listed(view.account).keys()
        pending = {live: each for live, each in view.keys.items() if live not in settled}
        undecided = (*kept, *found[Standing.PENDING])
        messages = merged(self._unlisted(kept), pending, {row.live: row.id for row in undecided})
        archived = frozenset(row.live for row in undecided if row.state in IN_ARCHIVE)
        return Waiting(messages, archived, frozenset(row.live for row in kept))

    def _left(self, view: _View, found: Mapping[Standing, list[Row]]) -> list[Delivery]:
        hidden = {row.live: row for row in found[Standing.HIDDEN]}
        pairs = [(each, hidden[live]) for live, each in self._unlisted(hidden.values())]
        pairs += [(view.named[row.live], row) for row in found[Standing.LEFT]]
        left = [
            delivery(self._env, view.service, view.account, each, row._replace(content=content_of(self._env, row)))
            for each, row in pairs
        ]
        if left:
            # The worker that recorded them may have been killed between the commit, which is visible, and its flush, or
            # the flush failed. A later flushed commit also makes it durable, if that commit changes something.
            with durable(self._env) as db:
                transitions.confirm(db, left[0].id)
        return left

    def _unlisted(self, rows: Iterable[Row]) -> list[tuple[str, Listed]]:
        """Messages as they were listed once, by live key, the oldest first."""
        known = {row.id: row for row in rows}
        found = []
        for some in chunks(sorted(known)):
            sql = f"SELECT id, locator, size, arrived FROM mailintake_delivery WHERE id IN ({marks(some)}) ORDER BY id"
            for number, locator, size, arrived in self._env.db_query(sql, some):
                when = datetime.fromtimestamp(arrived / SECOND, UTC) if arrived else None
                row = known[number]
                found.append((row.live, Listed(locator, row.fingerprint, size or None, when)))
        return found

    def _displaced(self, account: Account, rows: Sequence[Row]) -> list[Row]:
        """Give these a live key of their own, so that the message at their locator can have a row, too.

        Returns those that have it: others may have decided or displaced some since they were read.
        """
        found = []
        for row in (row._replace(live=displaced_key(account, row.id)) for row in rows):
            with transaction(self._env) as db:
                if transitions.displace(db, row.id, row.live):
                    found.append(row)
        return found

    def _vanish(self, rows: Sequence[Row]) -> None:
        """Record that these were gone before they could be read, except those that another worker has taken over."""
        for batch in sorted({self._session.left.get(row.id, "") for row in rows}):
            reason = reasons.VANISHED_AGAIN(batch=batch) if batch else self._vanished
            for some in chunks(row for row in rows if self._session.left.get(row.id, "") == batch):
                with transaction(self._env) as db:
                    owners = sorted({row.owner or "" for row in some})
                    transitions.vanish(db, [row.id for row in some], owners, reason)

    def _retire(self, ids: Iterable[int]) -> None:
        for some in chunks(ids):
            with transaction(self._env) as db:
                transitions.retire(db, some)

    def _skip(self, service: Service, account: Account, listing: Sequence[Listed]) -> None:
        """For a first run with `start=now`: ignore and remember the messages that are already there."""
        for some in chunks(listing, 50):
            rows = [fresh(service, account, each, None, Microseconds(0)) for each in some]
            with transaction(self._env) as db:
                transitions.skip(db, rows, reasons.START())
        self._identity.begin(service, account, listing)

    # what is left of it

    def upcoming(self, service: Service, account: Account, limit: int) -> list[Listed]:
        """See `ports.Mailbox.upcoming`."""
        waiting = self._session.of(account)
        messages = waiting.next(service, limit) if limit > 0 else {}
        return [listed for live, listed in messages.items() if live not in waiting.archived]

    def pending(self, service: Service, account: Account) -> list[Listed]:
        """See `ports.Mailbox.pending`."""
        return list(self._session.of(account).due(service).values())

    def left(self, service: Service, account: Account) -> Left:
        """The messages of the reconciled listing that are still unclaimed, or in doubt, at the end of a round."""
        waiting = self._session.of(account)
        left = [each for live, each in waiting.due(service).items() if live not in waiting.unlisted]
        left += self.doubtful(account)
        oldest = min(filter(None, (each.arrived for each in left)), default=None)
        nobody = self._unclaimed.get(account.label, NONE)
        return Left(len(left), Microseconds(int(oldest.timestamp() * SECOND) if oldest else 0), *nobody)

    def forget(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Mailbox.forget`."""
        with temporary(self._env):
            self._retire(each.id for each in deliveries)

    def consumed(self, ids: Iterable[int]) -> None:
        """See `ports.Mailbox.consumed`. Raises TemporaryFailure."""
        for some in chunks(ids):
            with transaction(self._env) as db:
                transitions.consume(db, some)


def _is_another(listed: Listed, row: Row) -> bool:
    """Whether the fingerprint says so. Where the locator identifies a message, `identity` compares."""
    return not listed.epoch and listed.fingerprint != row.fingerprint


def _removes(service: Service) -> bool:
    """Whether the service's copies leave the mailbox."""
    return service.afterwards.word in (Afterwards.DELETE, Afterwards.MOVE)


def _knows(rows: Sequence[Row], service: Service) -> bool:
    return any(row.service == service.name for row in rows)


def _view(
    service: Service, account: Account, listing: Sequence[Listed], rows: Sequence[Row], marked: Sequence[Listed]
) -> _View:
    keys = {live_key(account, listed): listed for listed in listing}
    passing = {row.service for row in rows if row.state is State.IGNORED}
    named = keys | {passed_key(account, each, other): each for other in passing for each in listing}
    passed = {live: passed_key(account, each, service.name) for live, each in keys.items() if service.name in passing}
    return _View(service, account, keys, named, passed, frozenset(live_key(account, each) for each in marked))
