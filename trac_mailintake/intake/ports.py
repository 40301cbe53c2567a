"""The ports: what the spine asks of a source, of the tracker and of the recorder. The adapters live above."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from trac_mailintake.intake.errors import ExplainedError

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
    from trac_mailintake.mail.message import Address, Message
    from trac_mailintake.mail.spool import Slice

T = TypeVar("T")


class SourceError(ExplainedError):
    """A source could not be reached, dropped the line, timed out or answered nonsense.

    The text names the thing, the cause and the next step, in one line, without secrets.
    """


class Incomplete(SourceError):  # noqa: N818 - a fact about the message
    """One message cannot be had whole for now: the line is as good as before, and the other messages can be had.

    Raised by a message's chunks. What came of it is not to be kept; it stays where it is, and is asked for again later.
    """


class TemporaryFailure(ExplainedError):  # noqa: N818 - named after RFC 5321's transient failure, not after Python's errors
    """Something of ours is down for now (database, disk, memory): the mail is deferred, no attempt counted."""


class Misconfiguration(ExplainedError):  # noqa: N818 - what an administrator must mend
    """A plugin or the configuration is wrong: the mail is deferred, no attempt counted; five alike stop the service."""


class NoLongerMine(Exception):  # noqa: N818 - not an error: another worker took the row over, which is as it should be
    """The row's owner or fencing number is no longer this worker's: nothing may be written for it."""


class Stale(Exception):  # noqa: N818 - not an error: decide again
    """What the decision stood on has changed meanwhile (ticket edited, id filed by another worker): decide again."""


class Source(Protocol):
    """Where mail comes from. One contract for all kinds; `tests/sources/contract.py` is its test suite.

    Every method may raise SourceError and nothing else. A source never changes the mailbox but in `dispose`/`settle`.
    """

    account: Account

    def list(self) -> Sequence[Listed]:
        """All messages that lie there now, the oldest first; opens the connection when there is none yet."""

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """The bytes of each, in chunks, in batches on the wire.

        What has vanished, or is no longer what `listed.fingerprint` says, is left out.
        Each iterator of chunks is used up before the next pair is asked for. It may raise Incomplete, which is about
        this message only; a message is whole when its chunks have come to their end, and never before.
        """

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Dispose of messages, each with the SHA-256 (hex) of its archived bytes, as the service says; one reply each.

        Only what still has its fingerprint is touched; what is gone already counts as completed.
        Repeating a disposal is harmless. One that is refused keeps no other message from it, and no later `fetch`.
        """

    def settle(self) -> None:
        """Make what `dispose` did final (POP3: QUIT). Until it returns, disposals may be undone by the server.

        Raises SourceError when not all that `dispose` was asked for was done, though its replies could not say so.
        """

    def close(self) -> None:
        """Let the connection go, whatever its state; never raises, never disposes of anything."""


@runtime_checkable
class Foreseeing(Protocol):
    """A source on a long line, which asks for messages before they are needed. Sources may do without."""

    def ahead(self, coming: Sequence[Listed]) -> None:
        """These will be fetched next, unless others take them: let them be on their way while one works on the last.

        Raises SourceError. Whatever is fetched next is what `fetch` is asked for.
        """


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """What routing must know of a ticket.

    `involved` are casefolded usernames and addresses: reporter, owner, cc, authors.
    """

    id: int
    summary: str
    status: str
    closed: bool
    involved: frozenset[str]


@dataclass(frozen=True, slots=True)
class KnownId:
    """A Message-ID that was sent for, or filed in, a ticket. `outgoing` when Trac sent it: that decides.

    `contested` when mails with it were, or may have been, filed in several tickets: `ticket` is the first of them only.
    """

    message_id: str
    ticket: int
    outgoing: bool
    contested: bool = False


class Reader(Protocol):
    """What rules may ask of the tracker; asking changes nothing."""

    def ticket(self, number: int) -> TicketFacts | None:
        """The ticket, None when there is none."""

    def known_ids(self, message_ids: Iterable[str]) -> Mapping[str, KnownId]:
        """Those of the ids that were sent for or filed in a ticket, deleted tickets included."""

    def filings(self, message_ids: Iterable[str]) -> Sequence[Filing]:
        """The mails with one of the ids that were filed, the oldest first: of many with the same only some."""

    def root_ticket(self, message_ids: Sequence[str]) -> int | None:
        """The ticket whose computed root Message-ID is among the ids: for mail sent before the install."""

    def signed_ticket(self, recipients: Iterable[Address]) -> int | None:
        """The ticket named by a reply address with a valid signature."""

    def own_loop(self, message: Message) -> str | None:
        """Why this is mail that this environment sent itself (its loop header, an id it sent); None when it is not."""

    def own_probe(self, message: Message) -> str:
        """The token of a probe that this environment sent and signed; "" when it is none."""

    def may(self, username: str, action: str, ticket: int | None = None) -> bool:
        """Whether the user has the permission, on that ticket when one is given."""

    def username(self, address: Address) -> str:
        """The one known user who has this e-mail address, "" when there is none, or several."""

    def mails_of_sender(
        self, message: Message, delivery: Delivery, since: datetime, until: datetime, most: int = sys.maxsize
    ) -> int:
        """How many other mails of the message's authors arrived between the two times, counted up to `most`.

        Those of this round that are decided upon and not yet recorded count, too.
        """

    def mails_for_ticket(self, ticket: int, since: datetime, until: datetime) -> int:
        """How many mails that arrived between the two times were filed in the ticket."""

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
    """A change that Trac agreed to: permissions, workflow, manipulators. `native` is the tracker's own.

    `steps` tell what was decided on the way (reopened, attachments refused, what was skipped).
    """

    change: Change
    native: object
    steps: tuple[Step, ...] = ()


class Deciding:
    """What deciding is done within; this keeps nothing."""

    def __call__(self, work: Callable[[], T]) -> T:
        """What `work` comes to. It may be done twice. Raises what it raises."""
        return work()

    def rest(self) -> None:
        """Nothing is decided for now: give back what was kept. Called before anything is written."""


class Tracker(Protocol):
    """The tracker's side of deciding. Nothing of ours is written; Trac's manipulators may write."""

    reader: Reader

    def sender(self, message: Message, service: Service) -> Sender:
        """Who the message is from (docs/behaviour.md#sender)."""

    def prepare(
        self, change: Change, message: Message, service: Service, *, explain: bool = False
    ) -> Prepared | Objection:
        """Check a change as the web interface would; stage its attachments unless `explain`.

        With `explain` manipulators that may write are left out, and the steps say so.
        """


class Watch(Protocol):
    """Somebody who ends a process that hangs."""

    seconds: float
    """What one message may take; 0 when nobody is ended."""

    def beat(self) -> None:
        """A message is begun."""

    def rest(self) -> None:
        """None is in hand."""


class Rules(Protocol):
    """The hooks, asked for one service. All may raise Misconfiguration, when the fault is a plugin's."""

    def screen(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Sequence[Objection]:
        """All objections."""

    def route(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Target:
        """The first answer; a new ticket when there is none."""

    def handle(self, message: Message, target: Target, service: Service, sender: Sender) -> Change | Objection:
        """The service's handler, then the amendments of `mailintake_change`."""

    def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
        """Tell the plugins of a committed outcome."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that is needed to record a delivery.

    `prepared` is None when there is nothing to file. `forward` is what the outbox is to carry out; until the outgoing
    server accepted it the outcome is held, with the rule `forward-pending`. `tell` is the address of a sender who is
    to be told that his mail was refused; with `acknowledge` one who is no user is told of the ticket it became.
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
    """A message filed before that is the same one: where it went."""

    delivery: int
    ticket: int | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A committed outcome."""

    delivery: Delivery
    outcome: Outcome


class Recorder(Protocol):
    """Exactly once: claims and outcomes (docs/behaviour.md#steps). All methods are short transactions of their own."""

    def admit(self, service: Service, account: Account) -> str:
        """Why this environment may not fetch from a mailbox that another one has claimed; "" when it may.

        A mailbox that nobody has claimed is this environment's from now on.
        """

    def room(self, service: Service) -> tuple[int, str]:
        """How many new tickets it may still make within this hour (`rate_service`); if none, why it is to stop."""

    def reconcile(self, service: Service, account: Account, listing: Sequence[Listed]) -> Sequence[Delivery]:
        """Compare what the source lists with what is remembered.

        Rows whose message is gone are let go. Returns what a crash left to dispose of: the deliveries that have an
        outcome and are not yet consumed, still listed with the same fingerprint, or not listed any more (a source may
        list no more what was only half disposed of).
        """

    def claim(self, service: Service, account: Account, limit: int, *, alone: bool = True) -> Sequence[Delivery]:
        """Take up to `limit` of the reconciled listing that nobody holds and that are due, in order.

        One that a worker died with is taken by itself, and only when it can be `alone`: nothing else is in hand.
        """

    def upcoming(self, service: Service, account: Account, limit: int) -> Sequence[Listed]:
        """What `claim` would try to take next; asks nobody, so that others may have taken it."""

    def pending(self, service: Service, account: Account) -> int:
        """How many of the reconciled listing this round could still claim."""

    def renew(self, deliveries: Sequence[Delivery]) -> None:
        """Prolong the lease of what is still held."""

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Give back what was claimed but not begun (it vanished, or the round ended)."""

    def seen(self, service: Service, message: Message) -> Seen | None:
        """The mail of which this one is a duplicate (docs/behaviour.md#duplicates), None when it is none."""

    def record(self, decisions: Sequence[Decision]) -> Sequence[Recorded]:
        """Write the outcomes in one transaction; all or none.

        Raises NoLongerMine, Stale, TemporaryFailure; whatever else is the fault of one of the decisions.
        """

    def defer(
        self, claimed: Delivery, reason: str, *, seconds: float, counted: bool, message_id: str | None = None
    ) -> None:
        """Let go for `seconds`; `counted` when the failure was the message's own.

        The id is for `postponed`: "" when the message has none, None when it could not even be read.

        Raises NoLongerMine, TemporaryFailure (then the claim runs out by itself).
        """

    def announce(self, recorded: Sequence[Recorded], service: Service) -> None:
        """After the commit: listeners, notifications, `recorded` hooks; failures are logged and made up for later."""

    def consumed(self, ids: Iterable[int]) -> None:
        """The mailbox's copies of these deliveries, given by their ids, have been disposed of."""

    def forget(self, deliveries: Sequence[Delivery]) -> None:
        """What lies under these locators is another message by now: it is a new one for the next round."""

    def undecided(self, deliveries: Sequence[Delivery]) -> frozenset[int]:
        """The ids of those that have no outcome yet, whoever holds them. Raises TemporaryFailure."""

    def waits_for_others(self, claimed: Delivery) -> bool:
        """Whether another living worker still holds an older message of the same mailbox, maybe this one's parent."""

    def postponed(self, claimed: Delivery, message_ids: Sequence[str]) -> float | None:
        """In how many seconds an older message of the same mailbox is due that was deferred and has one of these ids.

        Or may have one of them. None when there is none.
        """


class ArchiveWriter(Protocol):
    """One batch of mails being archived: an append, and one flush for all."""

    def append(self, chunks: Iterable[bytes], limit: int | None = None) -> tuple[Slice, str]:
        """Write one mail; its slice and its SHA-256 (hex). Raises TooLarge past `limit` bytes, TemporaryFailure."""

    def flush(self) -> None:
        """What was written can be read from its slice. Raises TemporaryFailure."""

    def seal(self) -> None:
        """Flush to disk, file and folder; only afterwards the slices are durable. Raises TemporaryFailure."""


class Archive(Protocol):
    """Raw bytes of every delivery, by date."""

    def begin(self, ids: Sequence[int]) -> ArchiveWriter:
        """A new batch, for the bytes of the deliveries with these ids."""


class TooLarge(Exception):  # noqa: N818 - a fact about the message
    """The message is larger than the archive takes."""
