"""The commands `trac-admin ENV mailintake ...`, one module a group. None imports what only a mail needs."""

from __future__ import annotations

from trac_mailintake.components.commands import claiming, contacts, held, journal, probing, rounds, servers, services

__all__ = ["claiming", "contacts", "held", "journal", "probing", "rounds", "servers", "services"]
