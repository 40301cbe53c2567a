"""The shim (`shim.c`) as Python sees it: built, loaded, and told when to kill."""

from __future__ import annotations

import ctypes
import enum
import mmap
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

_SOURCE: Final = Path(__file__).with_name("shim.c")
_COMPILERS: Final = ("cc", "gcc", "clang")

CALLS: Final = ("flush", "rename", "link", "unlink", "send", "write", "page", "create", "lock")
"""The kinds of calls, in the order of `enum kind`: a page is what SQLite writes or cuts off."""


class Victim(enum.IntEnum):
    """Who is killed."""

    ONE = 0
    GROUP = 1
    PARENT = 2


class _Shared(ctypes.Structure):
    """The layout of `struct shared`."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("kind", "nth", "after", "victim", "struck")),
        ("count", ctypes.c_long * len(CALLS)),
    )


def loaded() -> bool:
    """Whether this process was started with the shim."""
    return hasattr(ctypes.CDLL(None), "kills_watch")


def restart_with_shim(folder: Path) -> None:
    """Build the shim in `folder`, and start this program again with it. Returns if there is no compiler."""
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None or not sys.platform.startswith("linux"):
        return
    library = folder / "shim.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True)
    again = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, again, {**os.environ, "LD_PRELOAD": str(library)})  # noqa: S606 - this very program


class Tally:
    """What a group of processes called so far, in memory that they share with us; and when the shim is to kill."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, ctypes.sizeof(_Shared))
        self._shared = _Shared.from_buffer(self._memory)
        self._shared.kind = -1

    def plan(self, call: int, nth: int, victim: Victim, *, after: bool) -> None:
        """Kill before, or right after, the `nth` call of a kind, counted over the whole group."""
        self._shared.nth, self._shared.victim, self._shared.after = nth, victim, after
        self._shared.kind = call

    def watch(self, ahead: int) -> None:
        """Let the shim watch this process and all its children, and show them a clock `ahead` by so many seconds."""
        if loaded():
            library = ctypes.CDLL(None)
            library.kills_watch(ctypes.byref(self._shared))
            library.kills_ahead(ctypes.c_longlong(ahead))

    @property
    def struck(self) -> bool:
        """Whether the shim has killed."""
        return bool(self._shared.struck)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many calls there were of each kind."""
        return tuple(self._shared.count)


class Usual:
    """How many calls a run usually makes: what an n-th call is chosen from."""

    def __init__(self) -> None:
        self._most = [8.0] * len(CALLS)

    def learn(self, counts: tuple[int, ...]) -> None:
        """Take in a run that was not killed."""
        self._most = [max(new, 0.7 * old) for new, old in zip(counts, self._most, strict=True)]

    def choose(self, chance: random.Random) -> tuple[int, int]:
        """A kind of call, and a number of it; often one of the first, which a run makes while it recovers."""
        call = chance.randrange(len(CALLS))
        most = max(1, int(self._most[call]))
        return call, chance.randint(1, min(most, 6) if chance.random() < 0.3 else most)
