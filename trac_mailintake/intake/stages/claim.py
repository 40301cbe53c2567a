"""claim: the batches of a round, and the leases on what is in hand (docs/behaviour.md#claims-and-leases)."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import SourceError, TemporaryFailure
from trac_mailintake.intake.failures import Cause, Deferred, Waiting
from trac_mailintake.intake.ports import Recorded
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trac_mailintake.intake.model import Account, Delivery, Listed
    from trac_mailintake.intake.ports import Ports
    from trac_mailintake.intake.report import Report, Result
    from trac_mailintake.intake.settings import Service

BATCH: Final = 100
"""Messages that are claimed and fetched together."""

RENEWAL: Final = Seconds(120.0)
"""The time after which the leases of the remaining deliveries are renewed."""

PATIENCE: Final = Seconds(60.0)
"""How long a round waits for mail that other workers are filing."""

SHORTEST_PAUSE: Final = Seconds(0.05)
LONGEST_PAUSE: Final = Seconds(0.8)
"""Longest pause between two checks of what they have filed; the first pauses are shorter."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Claimed messages, and those that will probably be claimed after them."""

    deliveries: Sequence[Delivery]
    coming: Sequence[Listed]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a round goes: at most `limit` messages, and no new batch after `until` (see `ports.Clock`)."""

    limit: int | None = None
    until: Seconds | None = None


UNBOUNDED: Final = Bounds()


class Lease:
    """Keeps the claims on a batch while it takes long."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._renewed = ports.runtime.clock.now()

    def keep(self, deliveries: Sequence[Delivery]) -> None:
        """Renew the claims on these if it is time. Raises TemporaryFailure."""
        now = self._ports.runtime.clock.now()
        if now - self._renewed > RENEWAL:
            self._ports.runtime.deciding.rest()
            self._ports.claims.renew(deliveries)
            self._renewed = now


class Claiming:
    """The claims of one round. All methods raise TemporaryFailure."""

    def __init__(
        self, ports: Ports, service: Service, account: Account, listing: Sequence[Listed], bounds: Bounds
    ) -> None:
        """`listing` has been reconciled."""
        self._ports = ports
        self._service = service
        self._account = account
        self._listing = listing
        self._until = bounds.until
        # Not only what is listed: an earlier worker may have fetched what is gone now.
        self._left = len(ports.mailbox.pending(service, account)) if bounds.limit is None else bounds.limit
        """Messages that may still be claimed. Those that other workers have in hand are among them."""
        self._in_hand: dict[int, Delivery] = {}
        self._full = ""
        """Why the service may create no more tickets; "" if it may."""
        self._overrun = ""
        """The same, once all that was claimed is filed: the service must stop."""
        self._patience = Seconds(ports.runtime.clock.now() + PATIENCE)
        self._pause = SHORTEST_PAUSE
        self._waiting: dict[int, Waiting] = {}
        """By id: what this round takes again in a moment."""
        self._again: set[int] = set()
        """What got no outcome from this round: if it is claimed again, it has been counted."""
        self.down = False
        """Whether something of ours is down: then the round ends."""

    def claim(self, unfiled: int) -> Batch | None:
        """The next batch; None if there is none, or none before the `unfiled` mails are filed."""
        room, self._full = self._ports.claims.room(self._service) if self._goes_on() else (0, "")
        most = min(BATCH, self._left, room - unfiled)
        if most <= 0:
            return None
        deliveries = self._ports.claims.claim(self._service, self._account, most, alone=not unfiled)
        if not deliveries:
            return None
        self._in_hand.update((each.id, each) for each in deliveries)
        self._left -= sum(each.id not in self._again for each in deliveries)
        for each in deliveries:
            self._waiting.pop(each.id, None)
        coming = self._ports.mailbox.upcoming(self._service, self._account, min(BATCH, self._left))
        return Batch(deliveries, coming)

    def archived(self, deliveries: Iterable[Delivery]) -> None:
        """Note that the bytes of these are durable: if they are released, that must not be forgotten."""
        self._in_hand.update((each.id, each) for each in deliveries)

    def add(self, results: Iterable[Result]) -> None:
        """Note what became of claimed messages."""
        for each in results:
            self._in_hand.pop(each.delivery.id, None)
            if not isinstance(each, Recorded):
                self._again.add(each.delivery.id)
            match each:
                case Waiting():
                    self._waiting[each.delivery.id] = each
                case Deferred(cause=Cause.DOWN):
                    self.down = True

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Let other workers have these, which were not begun: they may wait for them."""
        self._ports.claims.release(deliveries)
        for each in deliveries:
            self._in_hand.pop(each.id, None)

    def wait(self) -> bool:
        """Wait a moment for what other workers are filing. Returns False if there is nothing to wait for any more."""
        clock = self._ports.runtime.clock
        self._overrun = self._full
        hopeless = bool(self._overrun) or clock.now() >= self._patience
        if hopeless or not self._waiting or not self._goes_on():
            return False
        clock.sleep(self._pause)
        self._pause = Seconds(min(2 * self._pause, LONGEST_PAUSE))
        self._ports.mailbox.reconcile(self._service, self._account, self._listing)
        pending = {listed.locator for listed in self._ports.mailbox.pending(self._service, self._account)}
        # The others are recorded by now, by the workers that had them.
        self._waiting = {key: each for key, each in self._waiting.items() if each.delivery.listed.locator in pending}
        return True

    @contextmanager
    def all_settled(self, report: Report) -> Iterator[None]:
        """After the block: release what has no result. The report says what is left, and why.

        After an unexpected failure nothing is released. A mail in hand may be the cause, and would be again in each
        round; so this counts as a death of the worker, whose mails are claimed one by one once it is gone.
        """
        try:
            yield
            report.overrun = self._overrun
            if self._late():
                report.remaining = len(self._ports.mailbox.pending(self._service, self._account))
        except (SourceError, TemporaryFailure):
            self._settle(report)
            raise
        else:
            self._settle(report)

    def _settle(self, report: Report) -> None:
        report.add(self._waiting.values())
        self.release(list(self._in_hand.values()))

    def _goes_on(self) -> bool:
        return self._left > 0 and not self._late()

    def _late(self) -> bool:
        return self._until is not None and self._ports.runtime.clock.now() >= self._until
