"""Fakes of the ports of the core: they keep what they are told, and answer from it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trac_mailintake.intake.model import Account, Answer, Listed, Reply
from trac_mailintake.intake.ports import KnownId, TicketFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from trac_mailintake.intake.model import Delivery, Filing
    from trac_mailintake.mail.message import Address, Message


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
    arrived: list[tuple[str, datetime]] = field(default_factory=list)
    """Mails that arrived before: of whom (an address), or for which ticket (`#12`), and when."""
    loop: str | None = None
    probe: str = ""
    key: str = ""
    name: str = "Moon"
    lines: bool = True
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
        return next((self.signed[each.key] for each in recipients if each.key in self.signed), None)

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
        return self.users.get(address.key, "")

    def mails_of_sender(
        self, message: Message, delivery: Delivery, since: datetime, until: datetime, most: int = sys.maxsize
    ) -> int:
        """See `ports.Reader`."""
        authors = {each.key for each in message.authors}
        return min(sum(since < arrived <= until for who, arrived in self.arrived if who in authors), most)

    def mails_for_ticket(self, ticket: int, since: datetime, until: datetime) -> int:
        """See `ports.Reader`."""
        return sum(since < arrived <= until for who, arrived in self.arrived if who == f"#{ticket}")

    def project_key(self) -> str:
        """See `ports.Reader`."""
        return self.key

    def project_name(self) -> str:
        """See `ports.Reader`."""
        return self.name

    def keeps_lines(self) -> bool:
        """See `ports.Reader`."""
        return self.lines

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
        self.refusal: Exception | None = None
        """What `settle` raises, after it did what it could."""

    def list(self) -> Sequence[Listed]:
        """See `ports.Source`."""
        return [Listed(name, name, len(content)) for name, content in self.mails.items()]

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """See `ports.Source`."""
        for listed in wanted:
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
        self.unsettled.clear()
