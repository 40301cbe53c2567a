"""The faces: Trac components, thin. Importing this registers them; none imports what only a mail needs."""

from __future__ import annotations

from trac_mailintake.components import commands, notifications, options, overdue_check, run_commands, setup, web_ui

__all__ = ["commands", "notifications", "options", "overdue_check", "run_commands", "setup", "web_ui"]
