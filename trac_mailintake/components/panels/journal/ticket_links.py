"""On a ticket's page, a link to the original mails that made it: for those who may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trac.core import Component, implements
from trac.web.api import IRequestFilter
from trac.web.chrome import add_ctxtnav

from trac_mailintake.components.options import VIEW
from trac_mailintake.components.panels.base import CATEGORY
from trac_mailintake.components.panels.journal.page import JournalPanel

if TYPE_CHECKING:
    from trac.web.api import IRequestHandler, Request

    Answer = tuple[str | None, dict[str, Any] | None, dict[str, Any] | None]


class TicketMails(Component):
    """Adds the link."""

    implements(IRequestFilter)

    # IRequestFilter methods

    def pre_process_request(self, req: Request, handler: IRequestHandler) -> IRequestHandler:
        """Leave it to the handler."""
        return handler

    def post_process_request(
        self, req: Request, template: str | None, data: dict[str, Any] | None, metadata: dict[str, Any] | None
    ) -> Answer:
        """Add *Original mails* where there are some."""
        ticket = data.get("ticket") if template == "ticket.html" and data else None
        if ticket is not None and ticket.exists and VIEW in req.perm("admin", f"{CATEGORY}/{JournalPanel.page}"):
            mails = self._mails(ticket.id)
            if mails:
                href = req.href.admin(CATEGORY, JournalPanel.page, ticket=ticket.id)
                add_ctxtnav(req, f"Original mails ({mails})", href, title="The mails that made this ticket")
        return template, data, metadata

    # inside

    def _mails(self, ticket: int) -> int:
        from trac_mailintake.tracker.journal.journal import Journal  # noqa: PLC0415 - for those who may see it

        return Journal(self.env).mails_of(ticket)
