"""The status that a command ends with after a round."""

from __future__ import annotations

from typing import Final

from trac_mailintake.components.cli.arguments import Exit
from trac_mailintake.runs.result import Ending

_STATUSES: Final = {
    Ending.WELL: Exit.WELL,
    Ending.WAITING: Exit.WAITING,
    Ending.FAILED: Exit.UNREACHABLE,
}


def exit_status(ending: Ending) -> Exit:
    """The exit status for the ending of a round: see docs/behaviour.md#exit-statuses."""
    return _STATUSES[ending]
