"""On a ticket's page, a link to the original mails that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.web.chrome import add_ctxtnav

from trac_mailintake.components.options import CATEGORY
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from trac.env import Environment
    from trac.web.api import Request


def link_to_mails(env: Environment, req: Request, page: str, ticket: int) -> None:
    """Add *Original mails* where there are some; they are listed by the panel called `page`."""
    mails = Journal(env).mails_of(ticket)
    if mails:
        href = req.href.admin(CATEGORY, page, ticket=ticket)
        add_ctxtnav(req, f"Original mails ({mails})", href, title="The mails that made this ticket")
