"""Declares the panels *Mail Intake* in Trac's administration, the link on a ticket's page, and the template folders.

The panels' views are in `panels/`. Trac imports this module each time it starts, so it must not import anything that
only a visitor needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pkg_resources import resource_filename
from trac.admin.api import IAdminPanelProvider
from trac.core import Component, implements
from trac.web.api import IRequestFilter
from trac.web.chrome import ITemplateProvider, add_ctxtnav

from trac_mailintake.components.options import CATEGORY, VIEW
from trac_mailintake.tracker.message_ids.ticket_mails import mails_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.web.api import IRequestHandler, Request

    Page = tuple[str, dict[str, Any]]
    Answer = tuple[str | None, dict[str, Any] | None, dict[str, Any] | None]

_TEMPLATES = "trac_mailintake.templates"


class Panel(Component):
    """A panel of the category *Mail Intake*.

    `page` is its name in URLs, and the name of its view in `panels/views.py`.
    """

    abstract = True

    implements(IAdminPanelProvider)

    page: ClassVar[str]
    label: ClassVar[str]

    # IAdminPanelProvider methods

    def get_admin_panels(self, req: Request) -> Iterator[tuple[str, str, str, str]]:
        """The panel, for those who may see it."""
        if VIEW in req.perm("admin", f"{CATEGORY}/{self.page}"):
            yield (CATEGORY, "Mail Intake", self.page, self.label)

    def render_admin_panel(self, req: Request, category: str, page: str, path_info: str | None) -> Page:
        """The requested page. The view checks permissions, too."""
        from trac_mailintake.components.panels.views import VIEWS  # noqa: PLC0415 - only when somebody opens a panel

        return VIEWS[self.page](self.env, self.page).render(req, path_info or "")


class ServersPanel(Panel):
    """Lists, adds, changes, removes and tests mail servers."""

    page = "servers"
    label = "Mail Servers"


class ServicesPanel(Panel):
    """Lists, adds, changes, removes, enables, disables and runs services."""

    page = "services"
    label = "Services"


class JournalPanel(Panel):
    """Shows what became of each mail, and lets an administrator decide about held mail."""

    page = "journal"
    label = "Journal"


class TrialPanel(Panel):
    """Shows what would become of a mail."""

    page = "try"
    label = "Try a mail"


class StatusPanel(Panel):
    """Shows the state of each service, and the number of mails a day by outcome."""

    page = "status"
    label = "Status"


class TicketMails(Component):
    """Adds to a ticket's page a link to its original mails, for people who may see them."""

    implements(IRequestFilter)

    # IRequestFilter methods

    def pre_process_request(self, req: Request, handler: IRequestHandler) -> IRequestHandler:
        """Return the handler unchanged."""
        return handler

    def post_process_request(
        self, req: Request, template: str | None, data: dict[str, Any] | None, metadata: dict[str, Any] | None
    ) -> Answer:
        """Add the link *Original mails* to the page of a ticket that has some."""
        ticket = data.get("ticket") if template == "ticket.html" and data else None
        if ticket is not None and ticket.exists and VIEW in req.perm("admin", f"{CATEGORY}/{JournalPanel.page}"):
            mails = mails_of(self.env, ticket.id)
            if mails:
                href = req.href.admin(CATEGORY, JournalPanel.page, ticket=ticket.id)
                add_ctxtnav(req, f"Original mails ({mails})", href, title="The mails that made this ticket")
        return template, data, metadata


class PanelTemplates(Component):
    """Provides Trac with our templates and style sheet. `resource_filename` finds them in an egg, too."""

    implements(ITemplateProvider)

    # ITemplateProvider methods

    def get_templates_dirs(self) -> list[str]:
        """The folder with our templates."""
        return [resource_filename(_TEMPLATES, "")]

    def get_htdocs_dirs(self) -> list[tuple[str, str]]:
        """The folder with our style sheet, and its name in URLs."""
        return [("mailintake", resource_filename(_TEMPLATES, "htdocs"))]
