"""The notifications that Trac sends for tickets: recorded, signed, threaded, and sent to who wrote the first mail."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

# Trac asks the decorators in the order in which their classes were made. TicketFormatter's sets the Message-ID that is
# recorded here, so its module has to be imported before our class is made.
import trac.ticket.notification  # noqa: F401 - imported for the order of the decorators, see above
from trac.core import Component, implements
from trac.notification.api import IEmailDecorator, INotificationSubscriber

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from trac.notification.api import NotificationEvent

    from trac_mailintake.tracker.outgoing.outsiders import Match
    from trac_mailintake.tracker.outgoing.ticket_notifications import TicketNotifications


class AboutTickets(Component):
    """What both components ask. Most processes of Trac's send nothing, so that what does is imported when one does."""

    abstract = True

    def ready(self, event: NotificationEvent) -> bool:
        """Whether the event is about one ticket, and the upgrade was made."""
        return event.realm == "ticket" and event.category != "batchmodify" and self.notifications.ready()

    @cached_property
    def notifications(self) -> TicketNotifications:
        """What does the work."""
        from trac_mailintake.tracker.outgoing.ticket_notifications import (  # noqa: PLC0415 - see above
            TicketNotifications,
        )

        return TicketNotifications(self.env)


class TicketMailDecorator(AboutTickets):
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
                self.notifications.decorate(event.target.id, message)
        except Exception:
            self.log.exception("The notification for ticket #%s goes out without our headers", event.target.id)


class MailReporterSubscriber(AboutTickets):
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
        if self.ready(event):
            yield from self.notifications.matches(event, self)

    def description(self) -> None:
        """Nothing that a user could choose in his preferences."""

    def requires_authentication(self) -> bool:
        """It is for people who have no account."""
        return False

    def default_subscriptions(self) -> list[Match]:
        """None by class: `matches` says it all."""
        return []
