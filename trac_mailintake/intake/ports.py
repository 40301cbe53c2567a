"""The ports: what the pipeline needs from sources, the tracker and the recorder. Adapters are in higher layers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from trac_mailintake.intake.model import (
        Account,
        Change,
        Delivery,
        Filing,
        Forward,
        Listed,
        Objection,
        Outcome,
        Reply,
        Sender,
        Step,
        Target,
    )
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.times import Seconds
    from trac_mailintake.mail.message import Address, Message
    from trac_mailintake.mail.spool import Slice

T = TypeVar("T")


class Source(Protocol):
    """A source of mail. All kinds have the same contract; `tests/sources/contract.py` is its test suite.

    Methods raise only SourceError. A source changes the mailbox only in `dispose` and `settle`.
    """

    account: Account

    def list(self) -> Sequence[Listed]:
        """All messages in the mailbox, the oldest first. Opens the connection if there is none yet."""

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """Yield each message with an iterator of its bytes in chunks.

        Messages that are gone, or that no longer match `listed.fingerprint`, are left out.
        Exhaust the chunks before requesting the next pair. They may raise Incomplete, which concerns only this
        message. A message is whole only once its chunks are exhausted.
        """

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Dispose of messages as the service says, each with the SHA-256 (hex) of its archived bytes; one reply each.

        Touches only messages that still have their fingerprint; those that are gone count as done.
        Repeating a disposal is harmless. A refused one prevents neither other disposals nor a later `fetch`.
        """

    def settle(self) -> None:
        """Make disposals final (POP3: QUIT). Until this returns, the server may undo them.

        Raises SourceError if a disposal was not done and the replies of `dispose` could not say so.
        """

    def close(self) -> None:
        """Close the connection in any state. Never raises, and disposes of nothing."""


@runtime_checkable
class Foreseeing(Protocol):
    """A source on a slow connection that can request messages before they are needed. Optional."""

    def ahead(self, coming: Sequence[Listed]) -> None:
        """Announce messages that will probably be fetched next, so that they can be requested now.

        Raises SourceError. `fetch` may still be called with other messages.
        """


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """What routing needs to know about a ticket.

    `involved` are casefolded usernames and addresses: reporter, owner, cc, authors.
    """

    id: int
    summary: str
    status: str
    closed: bool
    involved: frozenset[str]


@dataclass(frozen=True, slots=True)
class KnownId:
    """A Message-ID that was sent for, or filed in, a ticket. `outgoing`: Trac sent it, which settles the ticket.

    `contested`: mails with it were, or may have been, filed in several tickets; `ticket` is only the first of them.
    """

    message_id: str
    ticket: int
    outgoing: bool
    contested: bool = False


class Reader(Protocol):
    """Read-only lookups in Trac for rules."""

    def ticket(self, number: int) -> TicketFacts | None:
        """The ticket, None when there is none."""

    def known_ids(self, message_ids: Iterable[str]) -> Mapping[str, KnownId]:
        """The ids that were sent for or filed in a ticket, including deleted tickets."""

    def filings(self, message_ids: Iterable[str]) -> Sequence[Filing]:
        """The filed mails with one of the ids, the oldest first; only some if many have the same id."""

    def root_ticket(self, message_ids: Sequence[str]) -> int | None:
        """The ticket whose computed first Message-ID is among the ids, for Trac's mail before the installation."""

    def signed_ticket(self, recipients: Iterable[Address]) -> int | None:
        """The ticket named by a reply address with a valid signature."""

    def own_loop(self, message: Message) -> str | None:
        """Why this is mail that this environment sent (its loop header, an id it sent); None if it is not."""

    def own_probe(self, message: Message) -> str:
        """The token of a probe that this environment sent and signed; "" if it is not a probe."""

    def may(self, username: str, action: str, ticket: int | None = None) -> bool:
        """Whether the user has the permission `action`, on `ticket` if one is given."""

    def username(self, address: Address) -> str:
        """The one known user with this e-mail address; "" if there are none or several."""

    def mails_of_sender(
        self, message: Message, delivery: Delivery, since: datetime, until: datetime, most: int = sys.maxsize
    ) -> int:
        """Number of other mails by the message's authors that arrived between the two times, counted up to `most`.

        Includes those of this round that are decided and not yet recorded.
        """

    def mails_for_ticket(self, ticket: int, since: datetime, until: datetime) -> int:
        """Number of mails filed in the ticket that arrived between the two times."""

    def project_key(self) -> str:
        """The key that subjects may name (`(PROJ-12)`), "" when none is configured."""

    def project_name(self) -> str:
        """The project's name, as Trac writes it in the subjects of notifications."""

    def keeps_lines(self) -> bool:
        """Whether the tracker shows the line breaks of a text (`[ticket] preserve_newlines`), or joins its lines."""

    def own_addresses(self) -> frozenset[str]:
        """The casefolded addresses of the intake itself: services' addresses, smtp_from, smtp_replyto."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change that passed Trac's checks: permissions, workflow, manipulators. `native` is the tracker's own object.

    `steps` say what was decided on the way (reopened, attachments refused, checks skipped).
    """

    change: Change
    native: object
    steps: tuple[Step, ...] = ()


class Deciding:
    """Context for read-only queries while deciding; this default opens none."""

    def __call__(self, work: Callable[[], T]) -> T:
        """Call `work`, perhaps twice, and return or raise what it does."""
        return work()

    def rest(self) -> None:
        """Release what is kept between decisions. Called before anything is written."""


class Tracker(Protocol):
    """The tracker's part of deciding. It writes nothing of ours; Trac's manipulators may write."""

    reader: Reader

    def sender(self, message: Message, service: Service) -> Sender:
        """Who the message is from (docs/behaviour.md#sender)."""

    def prepare(
        self, change: Change, message: Message, service: Service, *, explain: bool = False
    ) -> Prepared | Objection:
        """Check a change as the web interface would, and stage its attachments unless `explain`.

        With `explain`, manipulators that may write are skipped, and the steps say so.
        """


class Watch(Protocol):
    """Watchdog: ends this process if one message takes longer than `seconds`."""

    seconds: Seconds
    """Limit for one message; 0: no limit."""

    def beat(self) -> None:
        """Start the time of a new message."""

    def rest(self) -> None:
        """Stop the time: no message is being handled."""


class Rules(Protocol):
    """The hooks, called for one service. All raise Misconfiguration if a plugin fails."""

    def screen(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Sequence[Objection]:
        """All objections."""

    def route(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Target:
        """The first answer of a hook; a new ticket if there is none."""

    def handle(self, message: Message, target: Target, service: Service, sender: Sender) -> Change | Objection:
        """The service's handler, then the amendments of `mailintake_change`."""

    def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
        """Tell the plugins of a committed outcome."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything needed to record a delivery.

    `prepared`: None if there is nothing to file. `forward`: a forward for the outbox; the outcome is held with the rule
    `forward-pending` until the outgoing server has accepted it. `tell`: the address of a sender to notify that their
    mail was refused. `acknowledge`: notify a sender who is not a user of the new ticket.
    """

    delivery: Delivery
    message: Message | None
    outcome: Outcome
    prepared: Prepared | None
    steps: tuple[Step, ...]
    forward: Forward | None = None
    tell: str = ""
    acknowledge: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The earlier filing of the same message, and where it went."""

    delivery: int
    ticket: int | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A committed outcome."""

    delivery: Delivery
    outcome: Outcome


class Recorder(Protocol):
    """Claims and outcomes, exactly once (docs/behaviour.md#steps). Each method is a short transaction."""

    def admit(self, service: Service, account: Account) -> str:
        """Why this environment may not fetch from a mailbox that another one owns; "" if it may.

        A mailbox without an owner belongs to this environment from now on.
        """

    def room(self, service: Service) -> tuple[int, str]:
        """New tickets that the service may still create within this hour (`rate_service`); if 0, why it must stop."""

    def reconcile(self, service: Service, account: Account, listing: Sequence[Listed]) -> Sequence[Delivery]:
        """Compare the source's listing with the stored rows.

        Retires rows whose message is gone. Returns the deliveries that a crash left to dispose of: those with an
        outcome that are not consumed, and that are listed with the same fingerprint, or not listed any more (a source
        may no longer list a message that was only half disposed of).
        """

    def claim(self, service: Service, account: Account, limit: int, *, alone: bool = True) -> Sequence[Delivery]:
        """Claim up to `limit` messages of the reconciled listing that are due and not claimed, in order.

        A message that a worker died with is claimed by itself, and only if `alone`: no other is in work.
        """

    def upcoming(self, service: Service, account: Account, limit: int) -> Sequence[Listed]:
        """What `claim` would try next. It does not query the database, so others may have claimed it."""

    def pending(self, service: Service, account: Account) -> int:
        """Number of messages of the reconciled listing that this round could still claim."""

    def renew(self, deliveries: Sequence[Delivery]) -> None:
        """Renew the leases of deliveries that are still held."""

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Release claims on deliveries that were not begun (the message vanished, or the round ended)."""

    def seen(self, service: Service, message: Message) -> Seen | None:
        """The mail that this one duplicates (docs/behaviour.md#duplicates); None if it is not a duplicate."""

    def record(self, decisions: Sequence[Decision]) -> Sequence[Recorded]:
        """Write the outcomes in one transaction, all or none.

        Raises NoLongerMine, Stale, TemporaryFailure; anything else is the fault of one of the decisions.
        """

    def defer(
        self, claimed: Delivery, reason: str, *, seconds: Seconds, counted: bool, message_id: str | None = None
    ) -> None:
        """Defer for `seconds`; `counted`: the failure was the message's own.

        The id is for `postponed`: "" if the message has none, None if it could not be read.

        Raises NoLongerMine, TemporaryFailure (then the claim expires by itself).
        """

    def announce(self, recorded: Sequence[Recorded], service: Service) -> None:
        """After the commit: call listeners, `recorded` hooks, and notify. Failures are logged and repeated later."""

    def consumed(self, ids: Iterable[int]) -> None:
        """Store that the mailbox's copies of these deliveries (by id) have been disposed of."""

    def forget(self, deliveries: Sequence[Delivery]) -> None:
        """These locators now mean other messages, which are new to the next round."""

    def undecided(self, deliveries: Sequence[Delivery]) -> frozenset[int]:
        """The ids of deliveries without an outcome, whoever holds them. Raises TemporaryFailure."""

    def waits_for_others(self, claimed: Delivery) -> bool:
        """Whether another live worker holds an older message of the same mailbox, which may be this one's parent."""

    def postponed(self, claimed: Delivery, message_ids: Sequence[str]) -> Seconds | None:
        """How long until a deferred older message of the same mailbox is due that has, or may have, one of these ids.

        None if there is no such message.
        """


class ArchiveWriter(Protocol):
    """Writes one batch to the archive: one append for each message, and one flush for all."""

    def append(self, chunks: Iterable[bytes], limit: int | None = None) -> tuple[Slice, str]:
        """Write one message. Returns its slice and SHA-256 (hex). Raises TooLarge above `limit`, TemporaryFailure."""

    def flush(self) -> None:
        """Make what was written readable from its slice. Raises TemporaryFailure."""

    def seal(self) -> None:
        """Flush file and folder to disk; the slices are durable only after that. Raises TemporaryFailure."""


class Archive(Protocol):
    """The raw bytes of every delivery, by date."""

    def begin(self, ids: Sequence[int]) -> ArchiveWriter:
        """A new batch, for the bytes of the deliveries with these ids."""


class TooLarge(Exception):  # noqa: N818 - a fact about the message
    """The message is larger than the archive's limit."""
