"""Trac plugins of somebody else's, enabled by the tests that need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from trac.attachment import IAttachmentChangeListener, IAttachmentManipulator
from trac.core import Component, implements
from trac.notification.api import INotificationDistributor, INotificationFormatter, INotificationSubscriber
from trac.ticket.api import ITicketChangeListener, ITicketManipulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.attachment import Attachment
    from trac.notification.api import NotificationEvent
    from trac.ticket.model import Ticket
    from trac.web.api import Request


class Censor(Component):
    """Refuses what contains the word `forbidden`, and remembers who asked."""

    implements(ITicketManipulator)
    asked: ClassVar[list[tuple[str, str]]] = []

    def prepare_ticket(self, req: Request, ticket: Ticket, fields: object, actions: object) -> None:
        """Nothing to prepare."""

    def validate_ticket(self, req: Request, ticket: Ticket) -> Iterator[tuple[str | None, str]]:
        """Look at the summary; ask the request for all that plugins ask it for."""
        self.asked.append((req.authname, req.path_info))
        assert req.perm is not None
        assert req.session.get("name") is None
        assert req.chrome["warnings"] == []
        assert req.remote_addr
        if "forbidden" in (ticket["summary"] or ""):
            yield "summary", "is forbidden"

    def validate_comment(self, req: Request, comment: str) -> Iterator[str]:
        """Look at the comment."""
        assert req.args["comment"] == comment
        if "forbidden" in comment:
            yield "is forbidden"


class Broken(Component):
    """Fails at whatever it is asked: by itself, or because the network is down when the summary says so."""

    implements(ITicketManipulator)

    def prepare_ticket(self, req: Request, ticket: Ticket, fields: object, actions: object) -> None:
        """Nothing to prepare."""

    def validate_ticket(self, req: Request, ticket: Ticket) -> Iterator[tuple[str | None, str]]:
        """Fail."""
        if ticket["summary"] == "network":
            raise ConnectionRefusedError
        raise LookupError(ticket["summary"])


class Scanner(Component):
    """Refuses attachments that contain the word `virus`."""

    implements(IAttachmentManipulator)

    def prepare_attachment(self, req: Request, attachment: Attachment, fields: object) -> None:
        """Nothing to prepare."""

    def validate_attachment(self, req: Request, attachment: Attachment) -> Iterator[tuple[str | None, str]]:
        """Read the upload, as a plugin would that was made for the web form."""
        filename, file, size = req.args.getfile("attachment")
        assert (filename, size) == (attachment.filename, attachment.size)
        if b"virus" in file.read():
            yield None, "contains a `virus`"


class Listener(Component):
    """Hears of tickets and attachments, and says whether they were committed at the time."""

    implements(ITicketChangeListener, IAttachmentChangeListener)
    heard: ClassVar[list[tuple[str, object, bool]]] = []

    def ticket_created(self, ticket: Ticket) -> None:
        """A ticket."""
        self._hear("created", ticket.id)

    def ticket_changed(self, ticket: Ticket, comment: str, author: str, old_values: dict[str, object]) -> None:
        """A comment."""
        self._hear("changed", (ticket.id, comment, author, tuple(sorted(old_values))))

    def ticket_deleted(self, ticket: Ticket) -> None:
        """Nothing."""

    def ticket_comment_modified(self, *_: object) -> None:
        """Nothing."""

    def ticket_change_deleted(self, *_: object) -> None:
        """Nothing."""

    def attachment_added(self, attachment: Attachment) -> None:
        """A file."""
        self._hear("attached", attachment.filename)

    def attachment_deleted(self, attachment: Attachment) -> None:
        """Nothing."""

    def attachment_reparented(self, *_: object) -> None:
        """Nothing."""

    def _hear(self, what: str, about: object) -> None:
        committed = self.env.db_query.dbmgr._transaction_local.wdb is None
        self.heard.append((what, about, committed))


class Chat(Component):
    """Notifies by other means than mail: everybody of everything."""

    implements(INotificationDistributor, INotificationSubscriber)
    said: ClassVar[list[tuple[str, int]]] = []

    def transports(self) -> list[str]:
        """Its own."""
        return ["chat"]

    def distribute(self, transport: str, recipients: object, event: NotificationEvent) -> None:
        """Remember what was said."""
        self.said.append((event.category, event.target.id))

    def matches(self, event: NotificationEvent) -> list[tuple[object, ...]]:
        """Everything."""
        return [("Chat", "chat", "room", 1, None, "text/plain", 1, "always")]

    def description(self) -> None:
        """Nothing to choose."""

    def requires_authentication(self) -> bool:
        """No."""
        return False

    def default_subscriptions(self) -> list[object]:
        """None."""
        return []


class Clumsy(Component):
    """Fails at every ticket."""

    implements(ITicketChangeListener)

    def ticket_created(self, ticket: Ticket) -> None:
        """Fail."""
        message = "clumsy"
        raise RuntimeError(message)

    def ticket_changed(self, ticket: Ticket, comment: str, author: str, old_values: dict[str, object]) -> None:
        """Fail."""
        message = "clumsy"
        raise RuntimeError(message)

    def ticket_deleted(self, ticket: Ticket) -> None:
        """Nothing."""


class Marked(Component):
    """Notifications in HTML, for those who want them so."""

    implements(INotificationFormatter)

    def get_supported_styles(self, transport: str) -> Iterator[tuple[str, str]]:
        """HTML for tickets."""
        yield "text/html", "ticket"

    def format(self, transport: str, style: str, event: NotificationEvent) -> str:
        """A line."""
        return f"<p>#{event.target.id}</p>"
