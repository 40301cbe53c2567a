"""The faces: Trac components, thin. Importing this registers them; none imports what only a mail needs."""

from __future__ import annotations

from trac_mailintake.components import bridge, commands, notifications, options, overdue_check, setup, web_ui
from trac_mailintake.components.cli import probe, run

__all__ = ["bridge", "commands", "notifications", "options", "overdue_check", "probe", "run", "setup", "web_ui"]
