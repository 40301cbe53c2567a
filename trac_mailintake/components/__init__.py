"""The faces: Trac components, thin. Importing this registers them; none imports what only a mail needs."""

from __future__ import annotations

from trac_mailintake.components import bridge, cli, notifications, options, overdue_check, panels, setup

__all__ = ["bridge", "cli", "notifications", "options", "overdue_check", "panels", "setup"]
