"""Memory: the process may have only a little more than it has already (RLIMIT_AS, as `ulimit -v` sets it)."""

from __future__ import annotations

import resource
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.model import Common, Struck

if TYPE_CHECKING:
    from tests.faults.scene import Scene

_MEGABYTE: Final = 1024 * 1024


_PIECES: Final = (65536, 4096, 512, 256, 64)
"""Bytes, from those that the system's allocator has to those that are Python's own."""


@dataclass(frozen=True, slots=True)
class Limited:
    """So many bytes more than now, within the block. What the process has in reserve is used up before."""

    more: int
    _reserve: list[bytes] = field(default_factory=list)

    def __enter__(self) -> None:
        """From here on."""
        limit = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        for size in _PIECES:
            with suppress(MemoryError):
                while True:
                    self._reserve.append(bytes(size))
        resource.setrlimit(resource.RLIMIT_AS, (limit + self.more, resource.RLIM_INFINITY))

    def __exit__(self, *_: object) -> None:
        """No limit again, so that the process can say what happened."""
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self._reserve.clear()


@dataclass(frozen=True, slots=True)
class Scarce(Common):
    """A round with little memory."""

    def strike(self, scene: Scene) -> Struck:
        """From nothing to some megabytes: it ends in the interpreter, in a library, in the midst of a mail, or not."""
        scene.prepare()
        more = int(scene.chance.choice((0, 0.1, 0.25, 0.5, 1, 2, 4)) * scene.chance.uniform(0.5, 1.5) * _MEGABYTE)
        ended = scene.meet(around=Limited(more))
        hit = bool(ended.raised) or ended.status != 0 or ended.result[0].status != 0
        # A mail over which memory ran out again and again is not to blame; one that killed three processes may be held.
        return Struck(hit=hit, held=True)


FAULTS: Final = (Scarce("memory-limited"),)
