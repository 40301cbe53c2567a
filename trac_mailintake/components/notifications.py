"""Trac's ticket notifications: their ids, reply addresses, threads, recipients, and texts without our escapes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

# Trac calls decorators in the order in which their classes were defined. TicketFormatter's sets the Message-ID that is
# recorded here, so its module must be imported before our class is defined.
import trac.ticket.notification  # noqa: F401 - imported for the order of the decorators, see above
from trac.core import Component, ExtensionPoint, implements
from trac.notification.api import IEmailDecorator, INotificationFormatter, INotificationSubscriber

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from trac.notification.api import NotificationEvent

    from trac_mailintake.tracker.outgoing.outsiders import Match
    from trac_mailintake.tracker.outgoing.ticket_notifications import TicketNotifications


class AboutTickets(Component):
    """What both components share. Most of Trac's processes send nothing, so the code that does is imported late."""

    abstract = True

    def ready(self, event: NotificationEvent) -> bool:
        """Whether the event is about one ticket, and the environment has been upgraded."""
        return event.realm == "ticket" and event.category != "batchmodify" and self.notifications.ready()

    @cached_property
    def notifications(self) -> TicketNotifications:
        """The object that does the work, created when it is first used."""
        from trac_mailintake.tracker.outgoing.ticket_notifications import (  # noqa: PLC0415 - see above
            TicketNotifications,
        )

        return TicketNotifications(self.env)


class TicketMailDecorator(AboutTickets):
    """Makes replies to notifications find their ticket.

    Records each Message-ID that Trac sends for a ticket, sets `Reply-To` to the signed address (if
    `[mailintake] address` is set), adds our loop header, and adds the first mail of the ticket to `References`, so that
    its sender's client shows Trac's mail below it. Must never raise: that would end the notification.
    """

    implements(IEmailDecorator)

    # IEmailDecorator methods

    def decorate_message(self, event: NotificationEvent, message: EmailMessage, charset: object) -> None:
        """Add our header fields to one notification."""
        try:
            if self.ready(event):
                self.notifications.decorate(event.target.id, message)
        except Exception:
            self.log.exception("The notification for ticket #%s is sent without our header fields", event.target.id)


class MailTextFormatter(AboutTickets):
    """Shows in plain-text notifications what senders wrote, without the characters that keep it from being markup.

    The text is made by the formatter that Trac would have asked otherwise. Of several formatters for one format Trac
    takes the one whose class was defined last (trac/notification/mail.py), so that of another plugin comes first.
    """

    implements(INotificationFormatter)

    formatters = ExtensionPoint(INotificationFormatter)

    # INotificationFormatter methods

    def get_supported_styles(self, transport: str) -> Iterator[tuple[str, str]]:
        """Plain text about tickets."""
        yield "text/plain", "ticket"

    def format(self, transport: str, style: str, event: NotificationEvent) -> object:
        """The text of one notification, as Trac's formatter gives it: encoded, in Trac 1.6."""
        others = (each for each in self.formatters if each is not self)
        able = [each for each in others if (style, event.realm) in each.get_supported_styles(transport)]
        text: object = able[-1].format(transport, style, self._spoken(event))
        return text

    # inside

    def _spoken(self, event: NotificationEvent) -> NotificationEvent:
        """The event as it is if something goes wrong: a notification with escapes is better than none."""
        try:
            return self.notifications.spoken(event) if self.ready(event) else event
        except Exception:
            self.log.exception("The notification for ticket #%s is sent with its escapes", event.target.id)
            return event


class MailReporterSubscriber(AboutTickets):
    """Sends comments to the author of the mail that a ticket was made from, unless they are a user of this Trac.

    They get comments by others, not their own, and the notification of the new ticket only if the service's
    `acknowledge` says so. They get nothing about a change without a comment. Neither does anybody else who is known
    only by mail, whichever of Trac's own subscribers would write to them. Users have their own preferences. Trac sends
    only to addresses whose local part is made of letters, digits and `.'+_-`, in a domain with a dot
    (`[notification] admit_domains` for others).
    """

    implements(INotificationSubscriber)

    # INotificationSubscriber methods

    def matches(self, event: NotificationEvent) -> Iterator[Match]:
        """Additional recipients of a change with a comment; for a change without one, the people to leave out."""
        if self.ready(event):
            yield from self.notifications.matches(event, self)

    def description(self) -> None:
        """None: users cannot choose this in their preferences."""

    def requires_authentication(self) -> bool:
        """False: it is for people without a user account."""
        return False

    def default_subscriptions(self) -> list[Match]:
        """None: `matches` decides."""
        return []
