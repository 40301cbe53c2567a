"""The pages of mail intake in Trac's administration, one module a panel. None imports what only a mail needs."""

from __future__ import annotations

from trac_mailintake.components.panels import assets, servers, try_mail
from trac_mailintake.components.panels.journal import page as journal
from trac_mailintake.components.panels.journal import ticket_links
from trac_mailintake.components.panels.services import page as services
from trac_mailintake.components.panels.status import page as status

__all__ = ["assets", "journal", "servers", "services", "status", "ticket_links", "try_mail"]
