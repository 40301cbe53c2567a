"""Names that both Trac's side and our own mail use: the section of trac.ini, and header fields of ours."""

from __future__ import annotations

from typing import Final

SECTION: Final = "mailintake"
"""The section of trac.ini."""
LOOP_HEADER: Final = "X-Mailintake-Loop"
"""In all mail that we send. In incoming mail it can only stop a message."""
PROBE_HEADER: Final = "X-Mailintake-Probe"
"""In a probe: its token and our signature. In incoming mail it counts only with a valid signature."""
