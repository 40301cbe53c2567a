"""All faults, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults import clocks, databases, disks, hosts, killed, letters, lines, mailboxes, memory, plugins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.model import Fault

_MODULES: Final = (killed, lines, mailboxes, letters, disks, databases, clocks, memory, hosts, plugins)

FAULTS: Final[Mapping[str, Fault]] = {fault.name: fault for module in _MODULES for fault in module.FAULTS}
SLOW: Final[Mapping[str, Fault]] = {fault.name: fault for fault in letters.SLOW}
"""Those that take minutes: tried only when they are named."""
