"""One try: a fault strikes, is mended, and everything comes to its end."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults import invariant

if TYPE_CHECKING:
    from tests.faults.model import Case, Fault
    from tests.faults.scene import Bench


BROKEN: Final = "the harness failed"
"""The problem that says nothing of the product."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try. `said` is what the rounds after the fault said, for whoever has to mend something."""

    case: Case
    hit: bool
    problems: tuple[str, ...]
    said: tuple[str, ...]
    seconds: float


def attempt(bench: Bench, fault: Fault, case: Case) -> Tried:
    """Let it happen. What the harness itself did not expect is a problem like any other, and the end of its servers."""
    began = time.monotonic()
    try:
        with bench.scene(case, fault) as scene:
            scene.deliver()
            struck = fault.strike(scene)
            end = scene.end(retry=struck.held)
            wrong = invariant.problems(end, scene, struck)
            said = tuple(done.said.strip() for done in end.rounds)
            hit = struck.hit
    except Exception:  # noqa: BLE001 - ten thousand tries shall not end at one
        wrong, said, hit = [BROKEN], (traceback.format_exc(),), True
        bench.renew()
    return Tried(case, hit, tuple(wrong), said, time.monotonic() - began)
