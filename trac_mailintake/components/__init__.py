"""The faces: Trac components, thin. Importing this registers them; none imports what only a mail needs."""

from __future__ import annotations

from trac_mailintake.components import bridge, commands, deadman, notifications, panels, setup, system

__all__ = ["bridge", "commands", "deadman", "notifications", "panels", "setup", "system"]
