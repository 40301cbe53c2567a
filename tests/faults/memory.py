"""Memory: the process may have only a little more than it has already (RLIMIT_AS, as `ulimit -v` sets it)."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.model import Common, Struck

if TYPE_CHECKING:
    from tests.faults.scene import Scene

_MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limited:
    """So many bytes more than now, within the block."""

    more: int

    def __enter__(self) -> None:
        """From here on."""
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + self.more
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

    def __exit__(self, *_: object) -> None:
        """No limit again, so that the process can say what happened."""
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@dataclass(frozen=True, slots=True)
class Scarce(Common):
    """A round with little memory."""

    def strike(self, scene: Scene) -> Struck:
        """From nothing to some megabytes: it ends in the interpreter, in a library, in the midst of a mail, or not."""
        scene.prepare()
        more = int(scene.chance.choice((0, 0.25, 0.5, 1, 2, 4, 8)) * scene.chance.uniform(0.5, 1.5) * _MEGABYTE)
        ended = scene.meet(around=Limited(more))
        hit = bool(ended.raised) or ended.status != 0 or ended.result[0].status != 0
        # A mail over which memory ran out again and again is not to blame; one that killed three processes may be held.
        return Struck(hit=hit, held=True)


FAULTS: Final = (Scarce("memory-limited"),)
