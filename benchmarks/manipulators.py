"""Manipulators as other plugins bring them: they are asked about each ticket, comment and attachment, and count it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.attachment import IAttachmentManipulator
from trac.core import Component, implements
from trac.ticket.api import ITicketManipulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.attachment import Attachment
    from trac.ticket.model import Ticket
    from trac.web.api import Request

Said = tuple[str | None, str]


class Witness(Component):
    """Reads what it is asked about, objects to nothing."""

    implements(ITicketManipulator, IAttachmentManipulator)

    tickets = 0
    attachments = 0

    # ITicketManipulator methods

    def prepare_ticket(self, req: Request, ticket: Ticket, fields: object, actions: object) -> None:
        """Never called, says Trac."""

    def validate_ticket(self, req: Request, ticket: Ticket) -> Iterator[Said]:  # noqa: ARG002 - Trac's signature
        """Look at the summary."""
        self.tickets += 1
        if not ticket["summary"]:
            yield "summary", "It has none."

    # IAttachmentManipulator methods

    def prepare_attachment(self, req: Request, attachment: Attachment, fields: object) -> None:
        """Never called, says Trac."""

    def validate_attachment(self, req: Request, attachment: Attachment) -> Iterator[Said]:  # noqa: ARG002 - likewise
        """Look at the name."""
        self.attachments += 1
        if not attachment.filename:
            yield None, "It has no name."
