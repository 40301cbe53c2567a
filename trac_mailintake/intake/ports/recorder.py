"""claim, record, dispose: what is remembered of a mailbox and its messages, exactly once (docs/behaviour.md#steps).

Each method is a short transaction. All raise TemporaryFailure if the database cannot be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trac_mailintake.intake.model import Account, Delivery, Listed, Outcome
    from trac_mailintake.intake.ports.decision import Decision
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.times import Seconds
    from trac_mailintake.mail.message import Message


@dataclass(frozen=True, slots=True)
class Seen:
    """The earlier filing of the same message, and where it went; `proved` says whether that of now is proved."""

    delivery: int
    ticket: int | None
    proved: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """A committed outcome."""

    delivery: Delivery
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Wait:
    """A message that another one may answer is not recorded yet.

    `due`: how long until it is tried again; None if a worker has it in hand.
    """

    due: Seconds | None


class Mailbox(Protocol):
    """A listing compared with what is remembered of it, and what is left of it."""

    def admit(self, service: Service, account: Account) -> str:
        """Why this environment may not fetch from a mailbox that another one owns; "" if it may.

        A mailbox without an owner belongs to this environment from now on.
        """

    def reconcile(
        self, service: Service, account: Account, listing: Sequence[Listed], marked: Sequence[Listed] = ()
    ) -> Sequence[Delivery]:
        """Compare the source's listing with the stored rows; for `marked` see `Marking`.

        Retires rows whose message is gone. Returns the deliveries that a crash left to dispose of: those with an
        outcome that are not consumed, and that are still listed, or not listed any more (a source may no longer list a
        message that was only half disposed of). Also those that are consumed, and still marked. What is `doubtful` is
        neither claimed nor disposed of.
        """

    def doubtful(self, account: Account) -> Sequence[Listed]:
        """The messages of the reconciled listing that must be read before it is known which ones they are."""

    def recognise(self, service: Service, account: Account, readings: Sequence[tuple[Listed, str]]) -> None:
        """Note what doubtful messages are, by the digest of their content. What was not read stays in doubt.

        One that is known gets its row's locator and size mended; any other is new. Then the listing must be reconciled
        again.
        """

    def upcoming(self, service: Service, account: Account, limit: int) -> Sequence[Listed]:
        """What `claim` would try next. It does not query the database, so others may have claimed it."""

    def pending(self, service: Service, account: Account) -> Sequence[Listed]:
        """The messages of the reconciled listing that this round could still claim."""

    def forget(self, deliveries: Sequence[Delivery]) -> None:
        """These locators now mean other messages, which are new to the next round."""

    def consumed(self, ids: Iterable[int]) -> None:
        """Store that the mailbox's copies of these deliveries (by id) have been disposed of."""


class Claims(Protocol):
    """Which worker works on which message (docs/behaviour.md#claims-and-leases)."""

    def room(self, service: Service) -> tuple[int, str]:
        """New tickets that the service may still create within this hour (`rate_service`); if 0, why it must stop."""

    def claim(self, service: Service, account: Account, limit: int, *, alone: bool = True) -> Sequence[Delivery]:
        """Claim up to `limit` messages of the reconciled listing that are due and not claimed, in order.

        A message that a worker died with is claimed by itself, and only if `alone`: no other is in work.
        """

    def renew(self, deliveries: Sequence[Delivery]) -> None:
        """Renew the leases of deliveries that are still held."""

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Release claims on deliveries that were not begun (the message vanished, or the round ended).

        If they have bytes, these are in the archive, and are decided about even if the message vanishes then.
        """

    def defer(
        self, claimed: Delivery, reason: str, *, seconds: Seconds, counted: bool, message_id: str | None = None
    ) -> None:
        """Defer for `seconds`; `counted`: the failure was the message's own.

        The id is for `parent_elsewhere`: "" if the message has none, None if it could not be read.

        Raises NoLongerMine, TemporaryFailure (then the claim expires by itself).
        """

    def miss(
        self, claimed: Delivery, reason: str, *, seconds: Seconds, asked: bool, message_id: str | None = None
    ) -> Outcome | None:
        """Defer a message that did not come. `asked`: it was asked for by itself.

        One that was held as `unreadable` is held again, for a day if it was asked for; then this is its outcome.
        Raises as `defer`.
        """

    def blame(self, missed: Sequence[Delivery]) -> Sequence[Recorded]:
        """Count a try against each of these, which `miss` deferred: other messages of the mailbox came.

        Holds as `unreadable` those that have failed often enough, for long enough. Returns these.
        """

    def parent_elsewhere(self, claimed: Delivery, message_ids: Sequence[str]) -> Wait | None:
        """Whether an older message of the same mailbox that has, or may have, one of these ids is not recorded yet.

        That is one that another live worker holds, one that is deferred, or one that this worker failed to defer.
        Those that this worker has in hand do not count.
        """


class Recorder(Protocol):
    """Outcomes, exactly once."""

    def seen(self, service: Service, message: Message) -> Seen | None:
        """The mail that this one duplicates (docs/behaviour.md#duplicates); None if it is not a duplicate."""

    def record(self, decisions: Sequence[Decision]) -> Sequence[Recorded]:
        """Write outcomes in one transaction, all or none, and return those.

        At least the first is written; the last ones may be left for the next transaction, so that others who wait for
        the database have their turn.

        Raises NoLongerMine, Stale, TemporaryFailure; anything else is the fault of one of the decisions.
        """

    def announce(self, recorded: Sequence[Recorded], service: Service) -> None:
        """After the commit: call listeners, `recorded` hooks, and notify. Failures are logged and repeated later."""
