"""The pages of mail intake in Trac's administration, one module a panel. None imports what only a mail needs."""

from __future__ import annotations

from trac_mailintake.components.panels import journal, servers, services, status, templates, tickets, trial

__all__ = ["journal", "servers", "services", "status", "templates", "tickets", "trial"]
