"""Fakes of the ports of the core: they keep what they are told, and answer from it."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import (
    Account,
    Answer,
    Change,
    Followup,
    Listed,
    NewTicket,
    Proof,
    Reply,
    Sender,
    Step,
)
from trac_mailintake.intake.ports import Clock, Deciding, KnownId, Prepared, TicketFacts, TooLarge
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from trac_mailintake.intake.model import Delivery, Filing, Objection, Outcome, Target
    from trac_mailintake.intake.ports import Reader
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Address, Message

T = TypeVar("T")


@dataclass(slots=True)
class FakeReader:
    """A tracker to ask: `ports.Reader`.

    `signed` and `roots` lead from an address, or from a Message-ID, to a ticket; `rights` are user, action and ticket.
    `users` leads from an address to who has it; `own` are the intake's own addresses besides the signed ones.
    `failure` is raised by whatever is asked of tickets.
    """

    tickets: dict[int, TicketFacts] = field(default_factory=dict)
    ids: dict[str, KnownId] = field(default_factory=dict)
    filed: list[Filing] = field(default_factory=list)
    roots: dict[str, int] = field(default_factory=dict)
    signed: dict[str, int] = field(default_factory=dict)
    rights: set[tuple[str, str, int | None]] = field(default_factory=set)
    users: dict[str, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    catches: set[str] = field(default_factory=set)
    arrived: list[tuple[str, datetime]] = field(default_factory=list)
    """Mails that arrived before: of whom (an address), or for which ticket (`#12`), and when."""
    loop: str | None = None
    probe: str = ""
    key: str = ""
    name: str = "Moon"
    lines: bool = True
    separator: str = "+"
    failure: Exception | None = None

    def add(self, number: int, *involved: str, closed: bool = False) -> None:
        """A ticket with people in it."""
        status = "closed" if closed else "new"
        self.tickets[number] = TicketFacts(number, f"Ticket {number}", status, closed, frozenset(involved))

    def know(self, message_id: str, ticket: int, *, outgoing: bool = False) -> None:
        """A Message-ID that was filed in the ticket, or sent for it."""
        self.ids[message_id] = KnownId(message_id, ticket, outgoing)

    def file(self, *filings: Filing) -> None:
        """Mails that were filed."""
        self.filed += filings
        for each in filings:
            first = self.ids.get(each.message_id, KnownId(each.message_id, each.ticket, outgoing=False))
            self.ids[each.message_id] = replace(first, contested=first.contested or first.ticket != each.ticket)

    def ticket(self, number: int) -> TicketFacts | None:
        """See `ports.Reader`."""
        if self.failure:
            raise self.failure
        return self.tickets.get(number)

    def known_ids(self, message_ids: Iterable[str]) -> Mapping[str, KnownId]:
        """See `ports.Reader`."""
        return {each: self.ids[each] for each in message_ids if each in self.ids}

    def filings(self, message_ids: Iterable[str]) -> Sequence[Filing]:
        """See `ports.Reader`."""
        wanted = set(message_ids)
        return [each for each in self.filed if each.message_id in wanted]

    def root_ticket(self, message_ids: Sequence[str]) -> int | None:
        """See `ports.Reader`."""
        return next((self.roots[each] for each in message_ids if each in self.roots), None)

    def signed_ticket(self, recipients: Iterable[Address]) -> int | None:
        """See `ports.Reader`."""
        return next((self.signed[key] for each in recipients if (key := mailbox_key(each.spec)) in self.signed), None)

    def own_loop(self, message: Message) -> str | None:
        """See `ports.Reader`."""
        return self.loop

    def own_probe(self, message: Message) -> str:
        """See `ports.Reader`."""
        return self.probe

    def may(self, username: str, action: str, ticket: int | None = None) -> bool:
        """See `ports.Reader`."""
        return (username, action, ticket) in self.rights

    def username(self, address: Address) -> str:
        """See `ports.Reader`."""
        return self.users.get(mailbox_key(address.spec), "")

    def mails_of_sender(
        self,
        message: Message,
        delivery: Delivery,
        since: datetime,
        until: datetime,
        most: int = sys.maxsize,
        *,
        proved: bool = False,
    ) -> int:
        """See `ports.Reader`. In `arrived`, proved senders have `proved ` before their address."""
        authors = {f"{'proved ' if proved else ''}{mailbox_key(each.spec)}" for each in message.authors}
        return min(sum(since < arrived <= until for who, arrived in self.arrived if who in authors), most)

    def mails_for_ticket(self, ticket: int, since: datetime, until: datetime, *, proved: bool = False) -> int:
        """See `ports.Reader`. Likewise."""
        wanted = f"{'proved ' if proved else ''}#{ticket}"
        return sum(since < arrived <= until for who, arrived in self.arrived if who == wanted)

    def project_key(self) -> str:
        """See `ports.Reader`."""
        return self.key

    def project_name(self) -> str:
        """See `ports.Reader`."""
        return self.name

    def keeps_lines(self) -> bool:
        """See `ports.Reader`."""
        return self.lines

    def delimiter(self) -> str:
        """See `ports.Reader`."""
        return self.separator

    def caught(self) -> frozenset[str]:
        """See `ports.Reader`."""
        return frozenset(self.catches)

    def own_addresses(self) -> frozenset[str]:
        """See `ports.Reader`."""
        return frozenset({*self.signed, *self.own})


class FakeSource:
    """A mailbox in memory: `ports.Source`. Its disposals fail as `failing` says; `disposed` is what was disposed of."""

    def __init__(self, mails: Mapping[str, bytes], failing: Callable[[Listed], Reply | Exception | None]) -> None:
        """`failing` is asked for each message that is disposed of: what is answered or raised, None when it works."""
        self.account = Account("fake", "fake:mailbox")
        self.mails = dict(mails)
        self.unsettled: list[str] = []
        self.failing = failing
        self.calls: list[str] = []
        self.open = True
        self.refusal: Exception | None = None
        """What `settle` raises, after it did what it could."""
        self.broken_after: int | None = None
        """The number of mails after which `fetch` fails."""
        self.patient = 0
        """How many calls of `fetch` before that do not fail."""
        self.sizes = True
        """Whether the sizes of mails are known before they are fetched."""
        self.pause: Callable[[], None] = lambda: None
        """Called before each mail that is fetched."""

    def list(self) -> Sequence[Listed]:
        """See `ports.Source`."""
        return [Listed(name, name, len(content) if self.sizes else None) for name, content in self.mails.items()]

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """See `ports.Source`."""
        self.patient -= 1
        for number, listed in enumerate(wanted):
            if number == self.broken_after and self.patient < 0:
                raise SourceError("The line broke.")
            self.pause()
            if listed.locator in self.mails:
                self.calls.append(f"fetch {listed.locator}")
                yield listed, iter((self.mails[listed.locator],))

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """See `ports.Source`."""
        replies = []
        for listed, _ in done:
            self.calls.append(f"dispose {listed.locator}")
            failure = self.failing(listed)
            if isinstance(failure, Exception):
                raise failure
            gone = listed.locator not in self.mails
            if failure is None and not gone:
                self.unsettled.append(listed.locator)
            replies.append(failure or Reply(Answer.COMPLETED, final=gone))
        return replies

    def settle(self) -> None:
        """See `ports.Source`."""
        for name in self.unsettled:
            self.mails.pop(name, None)
        self.unsettled.clear()
        if self.refusal is not None:
            raise self.refusal

    def close(self) -> None:
        """See `ports.Source`."""
        self.open = False
        self.unsettled.clear()


class FakeClock(Clock):
    """A clock that only sleeping moves. `sleeping` is called at each sleep."""

    def __init__(self, sleeping: Callable[[], None] = lambda: None) -> None:
        self.time = Seconds(1000.0)
        self.slept: list[Seconds] = []
        self.sleeping = sleeping

    def now(self) -> Seconds:
        """See `ports.Clock`."""
        return self.time

    def sleep(self, seconds: Seconds) -> None:
        """See `ports.Clock`."""
        self.slept.append(seconds)
        self.time = Seconds(self.time + seconds)
        self.sleeping()


class FakeDeciding(Deciding):
    """Keeps something open from the first decision until it rests: `ports.Deciding`."""

    def __init__(self) -> None:
        self.open = False

    def __call__(self, work: Callable[[], T]) -> T:
        """See `ports.Deciding`."""
        self.open = True
        return work()

    def rest(self) -> None:
        """See `ports.Deciding`."""
        self.open = False


class FakeTracker:
    """Agrees to everything, unless `refusal` says why not: `ports.Tracker`. Everybody is a stranger."""

    def __init__(self) -> None:
        self.reader: Reader = FakeReader()
        self.refusal: Objection | None = None

    def sender(self, message: Message, service: Service) -> Sender:
        """See `ports.Tracker`."""
        return Sender(
            "anonymous", "Ann Example <ann@example.org>", "ann@example.org", mapped=False, reason="nobody we know"
        )

    def prepare(
        self, change: Change, message: Message, service: Service, *, explain: bool = False
    ) -> Prepared | Objection:
        """See `ports.Tracker`."""
        return self.refusal or Prepared(change, native=None, steps=(Step("handle", "prepared", "It was."),))


@dataclass(slots=True)
class FakeRules:
    """`ports.Rules` that object, route, or raise (once for each exception) as the subject says; else a new ticket."""

    objections: dict[str, list[Objection]] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    raising: dict[str, list[Exception]] = field(default_factory=dict)
    refusals: dict[str, Objection] = field(default_factory=dict)
    """What the handler says."""
    pause: Callable[[], None] = lambda: None
    """Called whenever a message is screened."""
    find: Callable[[Message], int | None] = lambda _: None
    """The ticket that a message belongs to."""

    def screen(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Sequence[Objection]:
        """See `ports.Rules`."""
        self.pause()
        if self.raising.get(message.subject):
            raise self.raising[message.subject].pop(0)
        return self.objections.get(message.subject, [])

    def route(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Target:
        """See `ports.Rules`."""
        ticket = self.find(message)
        found: Target = NewTicket("new", "It names none.")
        if ticket is not None:
            found = Followup(ticket, "message-id", "It answers one.", Proof.MESSAGE_ID)
        return self.targets.get(message.subject, found)

    def handle(self, message: Message, target: Target, service: Service, sender: Sender) -> Change | Objection:
        """See `ports.Rules`."""
        return self.refusals.get(message.subject) or Change(target, sender, message.subject, message.text)

    def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
        """See `ports.Rules`."""


class FakeArchive:
    """An archive in memory: `ports.Archive`. What is not sealed is lost with its process."""

    def __init__(self) -> None:
        self.batches: dict[str, bytes] = {}
        self.sealed: set[str] = set()
        self.failure: Exception | None = None
        """What the next batch raises when it is sealed."""

    def begin(self, ids: Sequence[int]) -> FakeArchiveWriter:
        """See `ports.Archive`."""
        name = f"batch-{len(self.batches)}"
        self.batches[name] = b""
        return FakeArchiveWriter(self, name)

    def read(self, raw: Slice) -> bytes:
        """The bytes of a message."""
        return self.batches[raw.path][raw.offset : raw.offset + raw.length]


class FakeArchiveWriter:
    """See `FakeArchive`."""

    def __init__(self, archive: FakeArchive, name: str) -> None:
        self._archive = archive
        self._name = name

    def append(self, delivery: Delivery, chunks: Iterable[bytes], limit: int | None = None) -> tuple[Slice, str]:
        """See `ports.ArchiveWriter`."""
        del delivery
        content = b""
        for chunk in chunks:
            content += chunk
            if limit is not None and len(content) > limit:
                raise TooLarge
        before = self._archive.batches[self._name]
        self._archive.batches[self._name] = before + content
        return Slice(self._name, len(before), len(content)), hashlib.sha256(content).hexdigest()

    def flush(self) -> None:
        """See `ports.ArchiveWriter`."""

    def seal(self) -> None:
        """See `ports.ArchiveWriter`."""
        if self._archive.failure is not None:
            raise self._archive.failure
        self._archive.sealed.add(self._name)
