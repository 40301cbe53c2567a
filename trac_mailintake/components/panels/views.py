"""All views by the names of their panels, imported when somebody opens a panel (`components/web_ui.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.components.panels.journal.page import JournalView
from trac_mailintake.components.panels.servers import ServersView
from trac_mailintake.components.panels.services.page import ServicesView
from trac_mailintake.components.panels.status.page import StatusView
from trac_mailintake.components.panels.try_mail import TrialView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac_mailintake.components.panels.base import PanelView

VIEWS: Final[Mapping[str, type[PanelView]]] = {
    "journal": JournalView,
    "servers": ServersView,
    "services": ServicesView,
    "status": StatusView,
    "try": TrialView,
}
