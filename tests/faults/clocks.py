"""The clock: set back, by seconds or by a year. The process sees another time through libfaketime, as its system would.

`LD_PRELOAD` answers for the system's clock, so nothing of the product knows. The round before the change, which may be
killed, lives in the future; those after it in the present.
"""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from glob import glob
from typing import TYPE_CHECKING, Final

from tests.crash import rounds
from tests.faults import children
from tests.faults.model import Common, Struck
from tests.faults.plugins import plugin
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from tests.faults.scene import Scene

_LIBRARY: Final = "/usr/lib/*/faketime/libfaketime.so.1"
_FULL: Final = "raise OSError(errno.ENOSPC, 'No space left on device')"
"""What makes a round in the future put mail off."""
_AHEAD: Final = (30, 600, 2 * 3600, 24 * 3600, 365 * 24 * 3600)
"""By how many seconds the clock was wrong."""


@dataclass(frozen=True, slots=True)
class SetBack(Common):
    """A round in the future, then the present."""

    def missing(self) -> str:
        """See `Fault`."""
        return "" if glob(_LIBRARY) else "libfaketime is not installed"

    def strike(self, scene: Scene) -> Struck:
        """What that round left must not wait for its time to come: a service is due within its delay."""
        scene.prepare()
        ahead = scene.chance.choice(_AHEAD)
        full = scene.chance.random() < 0.4
        with plugin(scene, _FULL if full else "pass"):
            status = _run(scene, ahead, kill=not full and scene.chance.random() < 0.6)
        wrong: tuple[str, ...] = ()
        if scene.case.source != "pipe" and not scene.call(children.due, scene.env, 60):
            wrong = (f"the service is not due, {ahead} s after the clock was set back",)
        # Of what was killed three times alone nothing is here; of what failed neither.
        return Struck(hit=status in (0, 1, 75, -signal.SIGKILL), wrong=wrong)


def _run(scene: Scene, ahead: int, *, kill: bool) -> int:
    """A run, or a mail handed over, in a process whose clock is wrong."""
    wrong = {"LD_PRELOAD": glob(_LIBRARY)[0], "FAKETIME": f"+{ahead}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    words: tuple[str, ...] = ("run", rounds.SERVICE, "--force")
    first = None
    if scene.case.source == "pipe":
        words = ("deliver", rounds.SERVICE)
        first = min(scene.box.place.folder.iterdir())  # type: ignore[attr-defined]  # a pipe's has one
    process = TracEnv(scene.env).start("mailintake", *words, environment={**os.environ, **wrong})
    try:
        seconds = scene.chance.uniform(0.5, 2.5) if kill else 60
        process.communicate(first.read_bytes() if first else b"", timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        # What libfaketime leaves of a process that was killed.
        for left in glob(f"/dev/shm/*faketime_*_{process.pid}"):
            os.unlink(left)
    if first is not None and process.returncode == 0:
        first.unlink()
    return process.returncode


FAULTS: Final = (SetBack("clock-set-back"),)
