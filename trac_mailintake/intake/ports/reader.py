"""screen, route: what rules and plugins may ask the tracker."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from trac_mailintake.intake.model import Delivery, Filing
    from trac_mailintake.mail.message import Address, Message


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """What routing needs to know about a ticket.

    `involved` are usernames and addresses (`mailbox_key`): reporter, owner, cc, authors.
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
        self,
        message: Message,
        delivery: Delivery,
        since: datetime,
        until: datetime,
        most: int = sys.maxsize,
        *,
        proved: bool = False,
    ) -> int:
        """Number of other mails by the message's authors that arrived between the two times, counted up to `most`.

        Proved and unproved mails are counted apart: those that are as `proved` says.

        Includes those of this round that are decided and not yet recorded.
        """

    def mails_for_ticket(self, ticket: int, since: datetime, until: datetime, *, proved: bool = False) -> int:
        """Number of mails filed in the ticket that arrived between the two times, and are as `proved` says."""

    def project_key(self) -> str:
        """The key that subjects may name (`(PROJ-12)`), "" when none is configured."""

    def project_name(self) -> str:
        """The project's name, as Trac writes it in the subjects of notifications."""

    def keeps_lines(self) -> bool:
        """Whether the tracker shows the line breaks of a text (`[ticket] preserve_newlines`), or joins its lines."""

    def delimiter(self) -> str:
        """What separates a local part from a sub-address or a signature (`[mailintake] recipient_delimiter`), or ""."""

    def caught(self) -> frozenset[str]:
        """The addresses (`mailbox_key`) that enabled services have in their `catchemail`."""

    def own_addresses(self) -> frozenset[str]:
        """The addresses (`mailbox_key`) of the intake itself: services' addresses, smtp_from, smtp_replyto."""
