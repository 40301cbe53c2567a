"""What both Trac's side and our own mail use: the section of trac.ini, header fields of ours, whether mail is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trac.env import Environment

SECTION: Final = "mailintake"
"""The section of trac.ini."""
LOOP_HEADER: Final = "X-Mailintake-Loop"
"""In all mail that we send. In incoming mail it can only stop a message."""
PROBE_HEADER: Final = "X-Mailintake-Probe"
"""In a probe: its token and our signature. In incoming mail it counts only with a valid signature."""


def sends(env: Environment) -> bool:
    """Whether mail may be sent: `[notification] smtp_enabled`."""
    return bool(env.config.getbool("notification", "smtp_enabled"))
