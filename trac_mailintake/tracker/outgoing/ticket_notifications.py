"""Our part in the notifications that Trac sends for tickets: header fields, and further recipients."""

from __future__ import annotations

import copy
from email.utils import parseaddr
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trac.notification.mail import RecipientMatcher, set_header
from trac.ticket.model import Ticket
from trac.util.datefmt import to_utimestamp

from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.wiki.unescape import unescaped
from trac_mailintake.tracker.message_ids import ticket_mails
from trac_mailintake.tracker.options import LOOP_HEADER, SECTION
from trac_mailintake.tracker.outgoing import outsiders
from trac_mailintake.tracker.people import reply_address
from trac_mailintake.tracker.people.directory import Directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from email.message import EmailMessage

    from trac.env import Environment
    from trac.notification.api import INotificationSubscriber, NotificationEvent

    from trac_mailintake.tracker.message_ids.ticket_mails import Beginning
    from trac_mailintake.tracker.outgoing.outsiders import Match
    from trac_mailintake.tracker.people.reply_address import Keys


class TicketNotifications:
    """The notifications of one environment. Kept by its components, with the keys and users that it has read."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._installed = False

    def ready(self) -> bool:
        """Whether the environment has been upgraded: before that our tables do not exist."""
        self._installed = self._installed or ticket_mails.installed(self._env)
        return self._installed

    # headers

    def decorate(self, ticket: int, message: EmailMessage) -> None:
        """Add our headers to one notification, and record its Message-ID."""
        set_header(message, LOOP_HEADER, self._keys.loop()[0])
        address = self._env.config.get(SECTION, "address").strip()
        if "@" in address:
            reply_to = reply_address.reply_address(self._keys, address, reply_address.delimiter(self._env), ticket)
            set_header(message, "Reply-To", addresses=[(self._env.project_name, reply_to)])
        beginning = ticket_mails.beginning(self._env, ticket)
        if beginning and beginning.message_id:
            _thread(message, beginning.message_id)
        ticket_mails.remember(self._env, str(message["Message-ID"]).strip(), ticket)

    @cached_property
    def _keys(self) -> Keys:
        """The keys of the reply addresses."""
        return reply_address.load_keys(self._env)

    # text

    def spoken(self, event: NotificationEvent) -> NotificationEvent:
        """The event with the texts of mails as their senders wrote them; the ticket itself stays as it is."""
        by_mail = ticket_mails.filed(self._env, event.target.id)
        if not by_mail:
            return event
        changed = copy.copy(event)
        changed.target = _Spoken.of(event.target, by_mail)
        return changed

    # recipients

    def matches(self, event: NotificationEvent, ours: INotificationSubscriber) -> Iterator[Match]:
        """Additional recipients of a change with a comment; for a change without one, the people to leave out.

        `ours` is the subscriber that Trac has asked; each match names its class.
        """
        if outsiders.says(event):
            yield from self._told(event, ours)
        else:
            yield from outsiders.silences(self._env, event, self._directory, ours)

    def _told(self, event: NotificationEvent, ours: INotificationSubscriber) -> Iterator[Match]:
        """The address of the outsider who reported the ticket."""
        beginning = ticket_mails.beginning(self._env, event.target.id)
        if beginning is None or (event.category == "created" and not beginning.acknowledge):
            return
        address = self._outsider(event.target["reporter"] or "", beginning)
        if address and not _is_own(event, address):
            yield (type(ours).__name__, "email", None, 0, address, None, 100, "always")

    @cached_property
    def _directory(self) -> Directory:
        """The directory, cached until users change."""
        return Directory(self._env)

    def _outsider(self, reporter: str, beginning: Beginning) -> str:
        """The address for comments: the reporter's, or the first mail's sender if a user acts for them."""
        matched = RecipientMatcher(self._env).match_recipient(reporter)
        if matched and not matched[0]:
            address = str(matched[2])
        elif reporter == beginning.author:
            address = beginning.address
        else:
            address = ""
        known = bool(address) and self._directory.user(address)[0]
        return "" if known else address


class _Spoken(Ticket):
    """A ticket for a notification, whose texts by mail have no escapes. It is never saved."""

    by_mail: frozenset[int]
    """The times of the changes that mails became, in microseconds."""

    @classmethod
    def of(cls, ticket: Ticket, by_mail: frozenset[int]) -> _Spoken:
        """The same ticket."""
        spoken = copy.copy(ticket)
        spoken.__class__ = cls
        spoken.by_mail = by_mail
        spoken.values = {**ticket.values, "description": unescaped(ticket["description"] or "")}
        return spoken

    def get_changelog(self, when: datetime | None = None) -> list[tuple[Any, ...]]:
        """As Trac's, from which notifications take their comments (`TicketModule.grouped_changelog_entries`)."""
        return [self._entry(*entry) for entry in super().get_changelog(when)]

    def _entry(self, date: datetime, author: str, field: str, old: Any, new: Any, *more: Any) -> tuple[Any, ...]:  # noqa: ANN401 - values of any field
        if field == "description":
            old, new = unescaped(old or ""), unescaped(new or "")
        elif field == "comment" and to_utimestamp(date) in self.by_mail:
            new = unescaped(new or "")
        return (date, author, field, old, new, *more)


def _is_own(event: NotificationEvent, address: str) -> bool:
    """Whether the event is a comment from this address. A new ticket is acknowledged to whoever wrote it."""
    return event.category != "created" and mailbox_key(address) == _bare(event.author)


def _thread(message: EmailMessage, first: str) -> None:
    """Set `References` to the first mail, then Trac's own ids (RFC 5322, 3.6.4: the oldest first)."""
    already = str(message["References"] or "").split()
    set_header(message, "References", " ".join([first, *(each for each in already if each != first)]))
    if "In-Reply-To" not in message:
        set_header(message, "In-Reply-To", first)


def _bare(author: str | None) -> str:
    """The address in `Name <address>`, for comparison."""
    return mailbox_key(parseaddr(author or "")[1])
