"""Names that both Trac's side and our own mail use: the section of trac.ini, and header fields of ours."""

from __future__ import annotations

from typing import Final

SECTION: Final = "mailintake"
"""The section of trac.ini."""
LOOP_HEADER: Final = "X-Mailintake-Loop"
"""On all mail that we send. On mail that comes in it can only stop."""
PROBE_HEADER: Final = "X-Mailintake-Probe"
"""On a probe: its token, and our signature of it. Only with that it means anything on mail that comes in."""
