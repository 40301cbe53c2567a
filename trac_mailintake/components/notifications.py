"""The notifications that Trac sends for tickets: recorded, signed, threaded, and sent to who wrote the first mail."""

from __future__ import annotations

from email.utils import parseaddr
from functools import cached_property
from typing import TYPE_CHECKING

# Trac asks the decorators in the order in which their classes were made. TicketFormatter's sets the Message-ID that is
# recorded here, so its module has to be imported before our class is made.
import trac.ticket.notification  # noqa: F401 - imported for the order of the decorators, see above
from trac.core import Component, implements
from trac.notification.api import IEmailDecorator, INotificationSubscriber
from trac.notification.mail import RecipientMatcher, set_header

from trac_mailintake.tracker.message_ids import ticket_mails
from trac_mailintake.tracker.outgoing import outsiders
from trac_mailintake.tracker.people import reply_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from trac.notification.api import NotificationEvent

    from trac_mailintake.tracker.message_ids.ticket_mails import Beginning
    from trac_mailintake.tracker.outgoing.outsiders import Match
    from trac_mailintake.tracker.people.directory import Directory
    from trac_mailintake.tracker.people.reply_address import Keys


class _Ready(Component):
    """What both components ask: whether the tables are there, and the keys."""

    abstract = True

    def __init__(self) -> None:
        self._installed = False
        self._loaded: Keys | None = None

    def ready(self, event: NotificationEvent) -> bool:
        """Whether the event is about one ticket, and the upgrade was made."""
        if event.realm != "ticket" or event.category == "batchmodify":
            return False
        self._installed = self._installed or ticket_mails.installed(self.env)
        return self._installed

    def keys(self) -> Keys:
        """The keys of the reply addresses."""
        if self._loaded is None:
            self._loaded = reply_address.load_keys(self.env)
        return self._loaded


class TicketMailDecorator(_Ready):
    """Makes answers to notifications find their ticket.

    Each Message-ID that Trac sends for a ticket is recorded; `Reply-To` becomes the signed address (when
    `[mailintake] address` is set); our loop header is added; and `References` names the mail that the ticket was made
    of, so that its sender's client shows Trac's mails under his own. Must never raise: that would end the notification.
    """

    implements(IEmailDecorator)

    # IEmailDecorator methods

    def decorate_message(self, event: NotificationEvent, message: EmailMessage, charset: object) -> None:
        """Add what is ours to one notification."""
        try:
            if self.ready(event):
                self._decorate(event.target.id, message)
        except Exception:
            self.log.exception("The notification for ticket #%s goes out without our headers", event.target.id)

    def _decorate(self, ticket: int, message: EmailMessage) -> None:
        from trac_mailintake.tracker.lookups import delimiter  # noqa: PLC0415 - most processes of Trac's send nothing
        from trac_mailintake.tracker.options import LOOP_HEADER, SECTION  # noqa: PLC0415 - likewise

        keys = self.keys()
        set_header(message, LOOP_HEADER, keys.loop()[0])
        address = self.config.get(SECTION, "address").strip()
        if "@" in address:
            reply_to = reply_address.reply_address(keys, address, delimiter(self.env), ticket)
            set_header(message, "Reply-To", addresses=[(self.env.project_name, reply_to)])
        beginning = ticket_mails.beginning(self.env, ticket)
        if beginning and beginning.message_id:
            self._thread(message, beginning.message_id)
        ticket_mails.remember(self.env, str(message["Message-ID"]).strip(), ticket)

    def _thread(self, message: EmailMessage, first: str) -> None:
        """The first mail, then what Trac says itself (RFC 5322, 3.6.4: the oldest first)."""
        already = str(message["References"] or "").split()
        set_header(message, "References", " ".join([first, *(each for each in already if each != first)]))
        if "In-Reply-To" not in message:
            set_header(message, "In-Reply-To", first)


class MailReporterSubscriber(_Ready):
    """Sends answers to who wrote the mail that a ticket was made of, unless they are users of this Trac.

    They get what others say, not their own comments, and the mail that tells of the new ticket only where the
    service's `acknowledge` says so. Of a change without a comment they get nothing, nor does anybody else who is known
    by mails alone, whichever of Trac's own subscribers would write to them. Users have their own preferences, and are
    left to them. Trac sends only to addresses whose local part is made of letters, digits and `.'+_-`, in a domain
    with a dot (`[notification] admit_domains` for others); to all others it sends nothing.
    """

    implements(INotificationSubscriber)

    # INotificationSubscriber methods

    def matches(self, event: NotificationEvent) -> Iterator[Match]:
        """Who is told of it besides those whom Trac tells; or, of what says nothing, who is not told at all."""
        if not self.ready(event):
            return
        if outsiders.says(event):
            yield from self._told(event)
        else:
            yield from outsiders.silences(self.env, event, self._directory, self)

    def _told(self, event: NotificationEvent) -> Iterator[Match]:
        """The address of the outsider who reported the ticket."""
        beginning = ticket_mails.beginning(self.env, event.target.id)
        fresh = event.category == "created"
        if fresh and not (beginning and beginning.acknowledge):
            return
        address = beginning and self._outsider(event.target["reporter"] or "", beginning)
        if address and (fresh or address.casefold() != _bare(event.author)):
            name = type(self).__name__
            yield (name, "email", None, 0, address, None, 100, "always")

    def description(self) -> None:
        """Nothing that a user could choose in his preferences."""

    def requires_authentication(self) -> bool:
        """It is for people who have no account."""
        return False

    def default_subscriptions(self) -> list[Match]:
        """None by class: `matches` says it all."""
        return []

    @cached_property
    def _directory(self) -> Directory:
        """Kept, since it is made anew only when users have changed."""
        from trac_mailintake.tracker.people.directory import (  # noqa: PLC0415 - most processes of Trac's send nothing
            Directory,
        )

        return Directory(self.env)

    def _outsider(self, reporter: str, beginning: Beginning) -> str:
        """Where answers go: to the reporter, or to the sender of the first mail when a user reported for him."""
        matched = RecipientMatcher(self.env).match_recipient(reporter)
        if matched and not matched[0]:
            address = str(matched[2])
        elif reporter == beginning.author:
            address = beginning.address
        else:
            address = ""
        known = bool(address) and self._directory.user(address)[0]
        return "" if known else address


def _bare(author: str | None) -> str:
    """The casefolded address in `Name <address>`."""
    return parseaddr(author or "")[1].casefold()
