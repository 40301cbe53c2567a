"""What is remembered of mailboxes and mails, in memory: a fake of `ports.Mailbox`, `Claims` and `Recorder`.

Several workers may share a `Store`, and it outlives them, as a database does.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import NoLongerMine, TemporaryFailure
from trac_mailintake.intake.failures import FETCHES, FETCHING
from trac_mailintake.intake.model import CONSUMING, Delivery, Followup, Outcome, Status
from trac_mailintake.intake.ports import Accepted, Recorded, Seen, Wait
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.fakes import FakeClock, FakeDeciding
    from trac_mailintake.intake.model import Account, Listed
    from trac_mailintake.intake.ports import Decision
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message


@dataclass(slots=True)
class Row:
    """What is remembered of a message."""

    delivery: Delivery
    owner: Ledger | None
    outcome: Outcome | None = None
    retry_at: float = 0.0
    failure: str | None = None
    message_id: str | None = None
    consumed: bool = False
    blamed: list[float] = field(default_factory=list)
    """When a try to fetch it counted against it."""


@dataclass(slots=True)
class Store:
    """The rows by locator, and the ids of the messages in each ticket, the first of which made it."""

    rows: dict[str, Row] = field(default_factory=dict)
    tickets: list[list[str]] = field(default_factory=list)

    def ticket_of(self, message: Message) -> int | None:
        """The ticket of what a message answers."""
        wanted = {*message.in_reply_to, *message.references}
        return next((number for number, ids in enumerate(self.tickets, 1) if wanted.intersection(ids)), None)

    def may_go(self, locator: str) -> bool:
        """Whether the mailbox's copy may be disposed of."""
        row = self.rows[locator]
        return row.outcome is not None and row.outcome.status in CONSUMING and row.delivery.raw is not None


class Ledger:
    """One worker's view of the store: `ports.Mailbox`, `ports.Claims` and `ports.Recorder` in one."""

    def __init__(self, store: Store, clock: FakeClock, deciding: FakeDeciding | None = None) -> None:
        """`deciding` must not be in use when something is written."""
        self.deciding = deciding
        self.torn: list[str] = []
        """What was written although it was in use."""
        self.store = store
        self.clock = clock
        self.alive = True
        self.calls: list[str] = []
        self.groups: list[list[str]] = []
        """The statuses that were recorded, a list for each transaction."""
        self.most = sys.maxsize
        """How many decisions fit in one transaction."""
        self.announced = 0
        self.elsewhere = ""
        self.quota = sys.maxsize
        """New mails that the service may still take."""
        self.failing: list[Exception | None] = []
        """What `record` raises, one a call."""
        self.deaf = 0
        """How often `defer` finds the database gone."""
        self.doubts: dict[str, str] = {}
        """By locator, the content of the known message that it may be."""
        self.recognised: list[str] = []
        self._listing: list[Listed] = []
        self._undeferred: set[int] = set()

    # Mailbox

    def admit(self, service: Service, account: Account) -> str:
        """See `ports.Mailbox`."""
        return self.elsewhere

    def reconcile(
        self, service: Service, account: Account, listing: Sequence[Listed], marked: Sequence[Listed] = ()
    ) -> list[Delivery]:
        """See `ports.Mailbox`."""
        self.calls.append("reconcile")
        rows = self.store.rows
        for row in rows.values():
            if row.delivery.unreadable and row.outcome and row.retry_at <= self.clock.now():
                row.outcome = None  # it is fetched again
        new = (each for each in listing if each.locator not in rows or rows[each.locator].outcome is None)
        self._listing = [each for each in new if each.locator not in self.recognised]
        return [
            row.delivery
            for locator, row in rows.items()
            if self.store.may_go(locator) and not row.consumed and row.owner is not self
        ]

    def doubtful(self, account: Account) -> list[Listed]:
        """See `ports.Mailbox`."""
        return [each for each in self._listing if each.locator in self.doubts]

    def recognise(self, service: Service, account: Account, readings: Sequence[tuple[Listed, str]]) -> None:
        """See `ports.Mailbox`: those that are known leave the listing."""
        self.calls.append(f"recognise {len(readings)}")
        for listed, content in readings:
            known = self.doubts.pop(listed.locator)
            if content == known:
                self.recognised.append(listed.locator)
                self._listing.remove(listed)

    def upcoming(self, service: Service, account: Account, limit: int) -> list[Listed]:
        """See `ports.Mailbox`."""
        return self._claimable[:limit] if limit > 0 else []

    def pending(self, service: Service, account: Account) -> list[Listed]:
        """See `ports.Mailbox`."""
        return self._claimable

    def forget(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Mailbox`."""
        for each in deliveries:
            self.calls.append(f"forget {each.listed.locator}")

    def consumed(self, ids: Iterable[int]) -> None:
        """See `ports.Mailbox`."""
        for row in self._rows(ids):
            row.consumed = True

    # Claims

    def room(self, service: Service) -> tuple[int, str]:
        """See `ports.Claims`."""
        left = self.quota - len(self.store.rows)
        return (left, "") if left > 0 else (0, "Too many.")

    def claim(self, service: Service, account: Account, limit: int, *, alone: bool = True) -> list[Delivery]:
        """See `ports.Claims`."""
        claimed: list[Delivery] = []
        for listed in self._claimable:
            row = self.store.rows.get(listed.locator)
            died = row is not None and row.owner is not None and not row.owner.alive
            lonely = row is not None and (died or row.delivery.alone)
            if len(claimed) == limit or (lonely and (claimed or not alone)):
                break
            self._listing.remove(listed)
            if row is None:
                row = self._insert(service, account, listed)
            elif not self._seize(row, died=died):
                continue
            claimed.append(row.delivery)
            if lonely:
                break
        return claimed

    def renew(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Claims`."""
        self._write("renew")
        self.calls.append(f"renew {len(deliveries)}")

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.Claims`."""
        for row in self._rows(each.id for each in deliveries):
            if row.owner is self and row.outcome is None:
                row.owner = None

    def defer(
        self, claimed: Delivery, reason: str, *, seconds: Seconds, counted: bool, message_id: str | None = None
    ) -> None:
        """See `ports.Claims`."""
        self._write("defer")
        if self.deaf:
            self.deaf -= 1
            self._undeferred.add(claimed.id)
            raise TemporaryFailure("The database is gone.")
        row = self._mine(claimed)
        row.owner, row.failure, row.retry_at = None, reason, self.clock.now() + seconds
        row.message_id = message_id
        row.delivery = replace(row.delivery, attempts=row.delivery.attempts + counted, alone=False, deaths=0)

    def miss(
        self, claimed: Delivery, reason: str, *, seconds: Seconds, asked: bool, message_id: str | None = None
    ) -> Outcome | None:
        """See `ports.Claims`."""
        self.defer(claimed, reason, seconds=seconds, counted=False, message_id=message_id)
        row = self.store.rows[claimed.listed.locator]
        row.delivery = replace(row.delivery, misses=row.delivery.misses + asked)
        return self._set_aside(row) if claimed.unreadable else None

    def blame(self, missed: Sequence[Delivery]) -> list[Recorded]:
        """See `ports.Claims`."""
        self._write("blame")
        held = []
        for each in missed:
            row = self.store.rows[each.listed.locator]
            if row.delivery.fence == each.fence:
                row.blamed.append(self.clock.now())
                if len(row.blamed) >= FETCHES and row.blamed[-1] - row.blamed[0] >= FETCHING:
                    row.delivery = replace(row.delivery, unreadable=True)
                    held.append(Recorded(each, self._set_aside(row)))
        return held

    def _set_aside(self, row: Row) -> Outcome:
        row.outcome = because(Outcome, reasons.UNREADABLE(error=str(row.failure)), status=Status.HELD)
        row.retry_at = self.clock.now() + FETCHING
        return row.outcome

    def parent_elsewhere(self, claimed: Delivery, message_ids: Sequence[str]) -> Wait | None:
        """See `ports.Claims`."""
        self.calls.append(f"parent of {claimed.id}")
        older = [row for row in self.store.rows.values() if row.outcome is None and row.delivery.id < claimed.id]
        if any(self._busy(row) or row.delivery.id in self._undeferred for row in older):
            return Wait(None)
        dues = [row.retry_at for row in older if row.owner is None and row.failure and self._maybe(row, message_ids)]
        return Wait(Seconds(max(0.0, max(dues) - self.clock.now()))) if dues else None

    # Recorder

    def seen(self, service: Service, message: Message) -> Seen | None:
        """See `ports.Recorder`."""
        found = (number for number, ids in enumerate(self.store.tickets, 1) if message.message_id in ids)
        return next((Seen(1, number) for number in found), None)

    def record(self, decisions: Sequence[Decision]) -> list[Recorded]:
        """See `ports.Recorder`."""
        self._write("record")
        error = self.failing.pop(0) if self.failing else None
        if error is not None:
            raise error
        decisions = decisions[: self.most]
        rows = [self._mine(each.delivery) for each in decisions]
        for row, decision in zip(rows, decisions, strict=True):
            row.delivery, row.outcome = decision.delivery, decision.outcome
            if isinstance(decision, Accepted):
                self._file(decision)
        self.groups.append([each.outcome.status.value for each in decisions])
        return [Recorded(each.delivery, each.outcome) for each in decisions]

    def announce(self, recorded: Sequence[Recorded], service: Service) -> None:
        """See `ports.Recorder`."""
        self.announced += len(recorded)

    @property
    def _claimable(self) -> list[Listed]:
        """Of the listing, what is not in doubt."""
        return [each for each in self._listing if each.locator not in self.doubts]

    def _write(self, what: str) -> None:
        if self.deciding is not None and self.deciding.open:
            self.torn.append(what)

    def _file(self, decision: Accepted) -> None:
        target, message_id = decision.prepared.change.target, str(decision.message.message_id)
        if isinstance(target, Followup):
            self.store.tickets[target.ticket - 1].append(message_id)
        else:
            self.store.tickets.append([message_id])

    def _insert(self, service: Service, account: Account, listed: Listed) -> Row:
        delivery = Delivery(len(self.store.rows) + 1, service.name, account, listed, fence=1)
        row = self.store.rows[listed.locator] = Row(delivery, self)
        return row

    def _seize(self, row: Row, *, died: bool) -> bool:
        """Take a row over if it is free and due."""
        if row.outcome is not None or self._busy(row) or (row.owner is None and row.retry_at > self.clock.now()):
            return False
        before = row.delivery
        deaths = before.deaths + int(died and before.alone)
        row.delivery = replace(before, fence=before.fence + 1, alone=before.alone or died, deaths=deaths)
        row.owner = self
        return True

    def _busy(self, row: Row) -> bool:
        """Whether another live worker has it."""
        return row.owner is not None and row.owner is not self and row.owner.alive

    def _maybe(self, row: Row, message_ids: Sequence[str]) -> bool:
        """Whether it has one of the ids, as far as anybody knows."""
        return row.message_id is None or row.message_id in message_ids

    def _mine(self, delivery: Delivery) -> Row:
        row = self.store.rows[delivery.listed.locator]
        if row.owner is not self or row.delivery.fence != delivery.fence or row.outcome is not None:
            raise NoLongerMine(delivery.listed.locator)
        return row

    def _rows(self, ids: Iterable[int]) -> list[Row]:
        wanted = set(ids)
        return [row for row in self.store.rows.values() if row.delivery.id in wanted]
