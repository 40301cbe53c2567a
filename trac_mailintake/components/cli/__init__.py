"""The commands `trac-admin ENV mailintake ...`, one module a group. None imports what only a mail needs."""

from __future__ import annotations

from trac_mailintake.components.cli import contacts, probe, run
from trac_mailintake.components.cli.config import claim, servers, services
from trac_mailintake.components.cli.journal import commands, held

__all__ = ["claim", "commands", "contacts", "held", "probe", "run", "servers", "services"]
