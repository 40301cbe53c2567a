"""Processes that die: at any call to the outside, at each named step, at random; and calls that only fail."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.crash.faults import Fault, Meter, Way
from tests.faults.model import LISTED, Common, Struck
from trac_mailintake.intake.spine import Spine
from trac_mailintake.intake.stages.dispose import Disposing
from trac_mailintake.mail.parse import parse
from trac_mailintake.plugins.hooks import Rules
from trac_mailintake.tracker.adapter import TracTracker
from trac_mailintake.tracker.archive.store import Batch, FileArchive
from trac_mailintake.tracker.deliveries.claims import DatabaseClaims
from trac_mailintake.tracker.deliveries.mailbox import DatabaseMailbox
from trac_mailintake.tracker.deliveries.recorder import DatabaseRecorder
from trac_mailintake.tracker.deliveries.recovery import Recovery
from trac_mailintake.tracker.outgoing.outbox import Outbox
from trac_mailintake.tracker.tickets import place_attachments, write
from trac_mailintake.tracker.tickets.place_attachments import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

    from tests.faults.model import Options
    from tests.faults.scene import Bench, Scene

STEPS: Final[Mapping[str, Callable[..., object]]] = {
    "reconcile": DatabaseMailbox.reconcile,
    "claim": DatabaseClaims.claim,
    "archive": FileArchive.begin,
    "append": Batch.append,
    "seal": Batch.seal,
    "take": Spine.take,
    "parse": parse,
    "decide": Spine.decide,
    "screen": Rules.screen,
    "route": Rules.route,
    "handle": Rules.handle,
    "prepare": TracTracker.prepare,
    "record": DatabaseRecorder.record,
    "write": write.write,
    "attach": place_attachments.attach,
    "link": Placement.link,
    "keep": Placement.keep,
    "announce": DatabaseRecorder.announce,
    "dispose": Disposing._dispose,
    "settle": Disposing.end,
    "consumed": DatabaseMailbox.consumed,
    "close": Recovery.close,
    "flush": Outbox.flush,
    "sweep": Recovery.sweep,
}
"""The steps of a round by their names: a function each, before or after which the process may die."""

_CODES: Final[Mapping[str, CodeType]] = {name: step.__code__ for name, step in STEPS.items()}


@dataclass(frozen=True, slots=True)
class AtStep:
    """SIGKILL before the `number`-th time that a step begins, or after it has ended."""

    step: str
    number: int
    after: bool

    def meter(self) -> StepMeter:
        """See `tests.crash.faults.Harm`."""
        return StepMeter(self)


class StepMeter(Meter):
    """Waits for a step."""

    def __init__(self, harm: AtStep) -> None:
        super().__init__(Fault())
        self._code = _CODES[harm.step]
        self._event = "return" if harm.after else "call"
        self._left = harm.number

    def __call__(self, frame: FrameType, event: str, call: Any) -> None:  # noqa: ANN401 - what the interpreter hands over
        """A profiling function: see `sys.setprofile`."""
        if event == self._event and frame.f_code is self._code:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Failing(Common):
    """The n-th call to the outside fails in a way."""

    way: Way = Way.KILLED

    def strike(self, scene: Scene) -> Struck:
        """One round; two when it only failed, since what failed once may fail again."""
        scene.prepare()
        ended = scene.meet(Fault(scene.any_call(), self.way))
        if self.way is Way.KILLED:
            return Struck(hit=ended.status == -signal.SIGKILL)
        return Struck(hit=bool(ended.raised or ended.result[-1].failed))


@dataclass(frozen=True, slots=True)
class KilledAtStep(Common):
    """SIGKILL before or after a named step."""

    def strike(self, scene: Scene) -> Struck:
        """One round."""
        scene.prepare()
        step = scene.chance.choice(sorted(STEPS))
        number = scene.chance.choice((1, 1, 1, 2, 3, scene.case.total))
        ended = scene.meet(AtStep(step, number, after=scene.chance.random() < 0.5))
        return Struck(hit=ended.status == -signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class KilledOften(Common):
    """SIGKILL at random moments, in several rounds one after the other."""

    def strike(self, scene: Scene) -> Struck:
        """Chance may have it that three rounds in a row die over the same mail: then it is held, and retried."""
        scene.prepare()
        hits = 0
        for _ in range(scene.chance.randint(1, 4)):
            forked = scene.begin()
            if forked.running(scene.chance.uniform(0.01, 0.25)):
                forked.kill()
                hits += 1
            forked.wait()
        return Struck(hit=bool(hits), held=True)


@dataclass(frozen=True, slots=True)
class HelperLost(Common):
    """The process that reads mail ahead is killed, or stops for good while the other waits for it."""

    def options(self, bench: Bench) -> Options:
        """Whoever waits for it waits no longer than that."""
        return (("mailintake", "watchdog", "1"),)

    def strike(self, scene: Scene) -> Struck:
        """As soon as it is there, or a moment later."""
        scene.prepare()
        forked = scene.begin()
        helpers: list[int] = []
        while not helpers and forked.running(0.01):
            helpers = _children(forked.pid)
        forked.running(scene.chance.choice((0, 0.01, 0.05)))
        way = scene.chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
        hit = [helper for helper in helpers if _signal(helper, way)]
        forked.wait()
        for helper in helpers:
            _signal(helper, signal.SIGKILL)
        return Struck(hit=bool(hit), held=True)


def _children(process: int) -> list[int]:
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()]
    return []


def _signal(process: int, number: signal.Signals) -> bool:
    """Whether there was such a process."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


FAULTS: Final = (
    Failing("killed-at-a-call"),
    Failing("call-refused", way=Way.REFUSED),
    Failing("answer-lost", way=Way.UNANSWERED),
    KilledAtStep("killed-at-a-step"),
    KilledOften("killed-at-random"),
    HelperLost("helper-lost", LISTED, least=25),
)
