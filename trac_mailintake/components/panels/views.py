"""All views by the names of their panels: imported as one when somebody looks (`components/web_ui.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.components.panels.journal.page import JournalView
from trac_mailintake.components.panels.journal.ticket_links import link_to_mails
from trac_mailintake.components.panels.servers import ServersView
from trac_mailintake.components.panels.services.page import ServicesView
from trac_mailintake.components.panels.status.page import StatusView
from trac_mailintake.components.panels.try_mail import TrialView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment
    from trac.web.api import Request

    from trac_mailintake.components.panels.base import Page, PanelView

VIEWS: Final[Mapping[str, type[PanelView]]] = {
    "journal": JournalView,
    "servers": ServersView,
    "services": ServicesView,
    "status": StatusView,
    "try": TrialView,
}


class Views:
    """What the web interface of one environment shows of mail intake."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def render(self, req: Request, page: str, path: str) -> Page:
        """The page at `path` below the panel called `page`. Raises PermissionError, TracError, HTTP errors of Trac."""
        return VIEWS[page](self._env, page).render(req, path)

    def link_to_mails(self, req: Request, page: str, ticket: int) -> None:
        """Add a link to the panel called `page` to that of a ticket, if mails made it. Asks for no permission."""
        link_to_mails(self._env, req, page, ticket)
