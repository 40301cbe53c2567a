"""A few tries of each fault; `make faults N=10000` makes many. And the harness itself: it sees what is wrong."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.crash import rounds
from tests.crash.faults import Fault, Meter
from tests.faults import children, invariant
from tests.faults.catalogue import FAULTS
from tests.faults.killed import STEPS
from tests.faults.model import Case, Common, Struck, draw, possible
from tests.faults.scene import Bench
from tests.faults.trial import attempt
from tests.servers.required import SWITCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from tests.faults.children import End
    from tests.faults.scene import Scene

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

ENOUGH = 1
"""Tries of a fault in which it must have struck."""
MOST = 6
"""Tries of a fault: some are over before it can strike."""


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Servers and environments, those of all tries."""
    with Bench() as made:
        yield made


@pytest.mark.parametrize("name", FAULTS)
def test_one_of_everything_whatever_breaks(bench: Bench, name: str) -> None:
    """Deliveries in = outcomes out; one ticket, comment, file each; no orphans; the journal true; mail disposed of."""
    fault = FAULTS[name]
    reason = fault.missing() or "; ".join(bench.absent.values() if not all(possible(fault, bench.absent)) else ())
    if bench.absent and os.environ.get(SWITCH) == "1":
        pytest.fail(f"servers are missing: {bench.absent}", pytrace=False)
    if reason:
        pytest.skip(reason)
    struck = 0
    for number in range(MOST):
        case = draw(zlib.crc32(f"{name} {number}".encode()), [fault], bench.absent)
        done = attempt(bench, fault, replace(case, total=max(fault.least, min(case.total, 8))))
        assert not done.problems, "\n".join([str(done.case), *done.problems, *done.said])
        struck += done.hit
        if struck == ENOUGH:
            return
    assert struck, f"{name} never struck in {MOST} tries"


# the harness itself


class _Harmless(Common):
    """Nothing breaks."""

    def strike(self, scene: Scene) -> Struck:
        """A round in peace."""
        scene.prepare()
        scene.meet()
        return Struck()


@pytest.fixture
def filed(bench: Bench) -> Iterator[tuple[Scene, End]]:
    """Eight mails from a Maildir, filed and deleted."""
    fault = _Harmless("none")
    with bench.scene(Case(0, fault.name, "maildir", "sqlite", 8, "delete"), fault) as scene:
        scene.deliver()
        fault.strike(scene)
        end = scene.end()
        assert invariant.problems(end, scene, Struck()) == []
        yield scene, end


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("DELETE FROM ticket WHERE summary='Request 1'", "lost: Request 1"),
        ("UPDATE ticket SET summary='Request 1' WHERE summary='Request 2'", "Request 1: 2 times"),
        ("DELETE FROM attachment", "stray: "),
        ("DELETE FROM ticket_change", "lost: answer 3"),
        ("UPDATE mailintake_delivery SET state='free' WHERE subject='Request 1'", "no outcome: Request 1"),
        ("UPDATE mailintake_delivery SET state='ignored' WHERE subject='Request 1'", "1 ignored"),
        ("UPDATE mailintake_delivery SET ticket=1 WHERE subject='Request 2'", "Request 2: ticket 1 is 'Request 0'"),
        ("UPDATE mailintake_delivery SET notify=1 WHERE subject='Request 1'", "a notification is owed: Request 1"),
        ("UPDATE mailintake_delivery SET archive_offset=1 WHERE subject='Request 1'", "the archive does not hold"),
        ("UPDATE mailintake_delivery SET consumed=0 WHERE subject='Request 1'", "not noted as disposed of: Request 1"),
        ("UPDATE mailintake_message_id SET delivery=99 WHERE delivery=1", "an id without its delivery"),
    ],
)
def test_the_harness_sees_a_lie(filed: tuple[Scene, End], sql: str, sentence: str) -> None:
    """Whatever a database could say that is not so."""
    scene, _ = filed
    with rounds.opened(scene.env) as env, env.db_transaction as db:
        db(sql)
    end = scene.call(children.look, scene.env)
    assert any(sentence in each for each in invariant.problems(end, scene, Struck()))


def test_the_harness_sees_where_mail_lies(filed: tuple[Scene, End]) -> None:
    """A mail that is still there after it was to be deleted."""
    scene, end = filed
    scene.box.place.deliver(scene.sent[0])
    assert invariant.problems(end, scene, Struck()) == ["mailbox: 1 mails too many"]


def test_a_try_can_be_repeated() -> None:
    """Its seed says all of it, and other seeds say something else."""
    faults = list(FAULTS.values())
    drawn = [draw(seed, faults) for seed in range(500)]
    assert drawn == [draw(seed, faults) for seed in range(500)]
    assert set(Counter(case.fault for case in drawn)) == set(FAULTS)


class _Seen(Meter):
    """Notes the steps that a process comes by."""

    def __init__(self) -> None:
        super().__init__(Fault())
        self.steps: set[str] = set()
        self._names = {step.__code__: name for name, step in STEPS.items()}

    def __call__(self, frame: FrameType, event: str, call: Any) -> None:  # noqa: ANN401 - what the interpreter hands over
        if event == "call" and frame.f_code in self._names:
            self.steps.add(self._names[frame.f_code])


class _Noting:
    """See `tests.crash.faults.Harm`."""

    def __init__(self) -> None:
        self.seen = _Seen()

    def meter(self) -> Meter:
        """The same each time."""
        return self.seen


def test_a_round_comes_by_every_named_step(bench: Bench) -> None:
    """A step that was renamed, or that nobody takes any more, could not be died at. Mail may be read by a helper."""
    fault = _Harmless("none")
    with bench.scene(Case(0, fault.name, "maildir", "sqlite", 8, "delete"), fault) as scene:
        scene.deliver()
        scene.prepare()
        noting = _Noting()
        rounds.run(scene.env, noting)
    assert set(STEPS) - noting.seen.steps <= {"parse"}
