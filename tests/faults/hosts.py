"""Two hosts: two checkouts of the environment's folder on one database. It works, or is refused in plain words."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.crash.faults import Fault, Peace, Way
from tests.crash.zygote import Forked
from tests.faults.killed import AtStep
from tests.faults.model import LISTED, SERVERS, Common, Struck

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.places import Step
    from tests.faults.model import Options
    from tests.faults.scene import Bench, Scene

_REFUSED: Final = "was claimed by another instance of this environment"


@dataclass(frozen=True, slots=True)
class Uninvited(Common):
    """The second one was not told that it is the same environment: it must refuse, and say so."""

    def strike(self, scene: Scene) -> Struck:
        """The first has a round that may die; then the second comes."""
        scene.prepare()
        there = shutil.copytree(scene.env, scene.folder / "there")
        # It has the mailbox as soon as it has claimed mail of it.
        step = AtStep(scene.chance.choice(("claim", "decide", "record", "dispose")), 1, after=True)
        scene.meet(step if scene.chance.random() < 0.5 else Peace())
        function, arguments = _step(scene, there)
        refused = scene.call(function, *arguments)
        wrong = () if _REFUSED in refused.said else (f"not refused: {refused.said}",)
        return Struck(wrong=wrong)


@dataclass(frozen=True, slots=True)
class Both(Common):
    """They were told (`[mailintake] instance`): both take mail of the same mailbox, at the same time."""

    def options(self, bench: Bench) -> Options:
        """One name for both."""
        return (("mailintake", "instance", "both"),)

    def strike(self, scene: Scene) -> Struck:
        """Both at once, of which one may die; what it had is taken over when its lease has run out."""
        scene.prepare()
        there = shutil.copytree(scene.env, scene.folder / "there")
        function, arguments = _step(scene, there)
        other = Forked(function, *arguments)
        mine = scene.meet(Fault(scene.any_call(), Way.KILLED) if scene.chance.random() < 0.5 else Peace())
        other.wait()
        # The one that died has its leases: when it ran out of the first's sight, its files are not there to be seen.
        return Struck(hit=True, apart=True, held=mine.status == -signal.SIGKILL)


def _step(scene: Scene, there: Path) -> Step:
    """A round in the other checkout."""
    function, (_, *rest) = scene.round()
    return function, (there, *rest)


FAULTS: Final = (Uninvited("second-host-uninvited", LISTED, SERVERS), Both("second-host-invited", LISTED, SERVERS))
