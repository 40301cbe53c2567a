"""The user interfaces: thin Trac components. Importing this registers them, without the code that reads mail."""

from __future__ import annotations

from trac_mailintake.components import commands, notifications, options, overdue_check, run_commands, setup, web_ui

__all__ = ["commands", "notifications", "options", "overdue_check", "run_commands", "setup", "web_ui"]
