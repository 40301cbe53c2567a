"""The spine is killed before and after each call of a port; the next worker finishes what it left, each mail once."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.builders import service
from tests.fakes import FakeSource
from tests.intake.bench import Bench, letter
from trac_mailintake.intake.errors import Incomplete, LineBroke, Misconfiguration, TemporaryFailure
from trac_mailintake.intake.failures import ATTEMPTS
from trac_mailintake.intake.model import Hold, Reject
from trac_mailintake.intake.spine import Spine
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trac_mailintake.intake.model import Listed, Objection
    from trac_mailintake.intake.ports import Ports

NEVER: Final = 10**9
DOWN: Final = TemporaryFailure("gone")
WITHHELD: Final = ("refuse", "drop", "gone")
KINDS: Final = ("new", "new", "reply", "reply", "copy", "reject", "hold", "once", "always")
OBJECTIONS: Final[dict[str, list[Objection]]] = {"reject": [Reject("no", "No.")], "hold": [Hold("so", "So.")]}
ENDINGS: Final = {"reject": {"rejected"}, "hold": {"held"}, "always": {"held"}}
"""The outcomes of each kind of mail; of others: filed, or a duplicate."""


class Killed(BaseException):
    """The process ends here: nothing that comes after it happens."""


class Fuse:
    """Kills at the `last`-th step, and at each one from then on: the dead do not clean up."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.steps = 0

    def step(self) -> None:
        """One more call of a port begins or has ended."""
        self.steps += 1
        if self.steps >= self.last:
            raise Killed

    def on(self, port: Any) -> Any:  # noqa: ANN401 - any port
        """The same port, with the fuse in each call."""
        return _Fused(port, self)


class _Fused:
    def __init__(self, port: object, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        value = getattr(self._port, name)
        return self._calling(value) if callable(value) else value

    def _calling(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def fused(*args: object, **more: object) -> Any:  # noqa: ANN401 - what the port answers
            self._fuse.step()
            answer = call(*args, **more)
            self._fuse.step()
            if hasattr(answer, "seal"):
                return self._fuse.on(answer)
            return self._each(answer) if hasattr(answer, "__next__") else answer

        return fused

    def _each(self, answers: Iterator[object]) -> Iterator[object]:
        for each in answers:
            self._fuse.step()
            yield each


def fused(ports: Ports, fuse: Fuse) -> Ports:
    """The ports, with the fuse in each of their calls."""
    names = {each.name for each in fields(ports)} - {"runtime", "archive_limit"}
    return replace(ports, **{name: fuse.on(getattr(ports, name)) for name in names})


class Withholding(FakeSource):
    """A source that does not give some mails: it refuses them, or the session ends, or it says nothing of them."""

    bad: Mapping[str, str] = {}

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """See `ports.Source`."""
        for each in wanted:
            kind = self.bad.get(each.locator, "")
            if kind == "drop":
                raise LineBroke("The line broke.")
            if kind == "refuse":
                yield each, self._refused()
            if not kind:
                yield from super().fetch([each])

    def _refused(self) -> Iterator[bytes]:
        yield b"From"
        raise Incomplete("It did not come.")


class Town:
    """A mailbox with generated mail, and workers that come one after the other, each after the death of the last."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - not for secrets
        self._ids: list[str] = []
        letters: list[bytes] = []
        for number in range(self._chance.randint(4, 9)):
            letters.append(self._letter(number, letters))
        self.bench = Bench()
        self.bench.source = self.source = Withholding({}, lambda _: None)
        self.bench.put(*letters)
        for each in range(len(letters)):
            self._plan(f"once m{each}", [self._chance.choice((ValueError("bad"), Misconfiguration("x"), DOWN))])
            self._plan(f"always m{each}", [ValueError("bad")] * 100)
            for kind, objections in OBJECTIONS.items():
                self.bench.rules.objections[f"{kind} m{each}"] = objections
        self.bench.source.failing = self._watch
        self.early: list[str] = []
        """What was disposed of although its outcome or its bytes were not safe."""

    def _letter(self, number: int, before: list[bytes]) -> bytes:
        kind = self._chance.choice(KINDS)
        if kind == "copy" and before:
            return self._chance.choice(before)
        answered = [self._chance.choice(self._ids)] if self._ids and kind in ("reply", "once") else []
        self._ids.append(f"<m{number}@x>")
        return letter(f"{kind} m{number}", self._ids[-1], *answered)

    def _plan(self, subject: str, errors: list[Exception]) -> None:
        self.bench.rules.raising[subject] = errors

    def _watch(self, listed: Listed) -> None:
        raw = self.bench.store.rows[listed.locator].delivery.raw
        if raw is None or raw.path not in self.bench.archive.sealed or not self.bench.store.may_go(listed.locator):
            self.early.append(listed.locator)

    def work(self, fuse: Fuse) -> None:
        """One worker's round, until the fuse blows; then the worker is dead, and its connection is gone."""
        worker = Bench(store=self.bench.store, archive=self.bench.archive)
        ports = replace(worker.ports, rules=self.bench.rules, runtime=self.bench.ports.runtime)
        worker.ledger.clock = self.bench.clock
        with suppress(Killed):
            report = Spine(fused(ports, fuse)).run(service(), fuse.on(self.bench.source))
            assert self.source.bad or report.error == ""
        worker.ledger.alive = False
        self.bench.source.unsettled.clear()
        self.bench.clock.time = Seconds(self.bench.clock.time + 3601)

    def withhold(self) -> None:
        """The server cannot give some mails, from now on."""
        self.source.bad = {
            name: self._chance.choice(WITHHELD) for name in self.source.mails if self._chance.random() < 1 / 2
        }

    def finish(self) -> None:
        """Rounds until nothing changes any more."""
        for _ in range(4 * ATTEMPTS):
            self.work(Fuse(NEVER))

    def check(self) -> None:
        """Each mail has its outcome, is filed once, and is gone from the mailbox."""
        assert self.early == []
        assert self.bench.source.mails == {}
        filed = [each for ids in self.bench.store.tickets for each in ids]
        assert len(filed) == len(set(filed))
        for row in self.bench.store.rows.values():
            assert row.outcome is not None
            assert row.delivery.raw is not None
            kind, _, _ = self.bench.parse(row.delivery.raw).subject.partition(" ")
            died = {"held"} if row.delivery.deaths else set()
            assert row.outcome.status.value in ENDINGS.get(kind, {"created", "commented", "duplicate"}) | died

    @property
    def threads(self) -> list[list[str]]:
        """The mails of each ticket, in any order."""
        return sorted(sorted(ids) for ids in self.bench.store.tickets)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_call_at_which_it_is_killed_all_mail_is_filed_once(seed: int) -> None:
    """Where it belongs; and nothing is disposed of before it is recorded, and its bytes are on the disk."""
    undisturbed = Town(seed)
    fuse = Fuse(NEVER)
    undisturbed.work(fuse)
    undisturbed.finish()
    undisturbed.check()
    assert fuse.steps > 50
    for last in range(1, fuse.steps + 1):
        town = Town(seed)
        town.work(Fuse(last))
        town.finish()
        town.check()
        assert town.threads == undisturbed.threads, last


@pytest.mark.parametrize("seed", range(12))
def test_mail_that_does_not_come_at_first_is_filed_once(seed: int) -> None:
    """Whatever the call at which the worker is killed that asked in vain; and it is not blamed for that worker."""
    undisturbed = Town(seed)
    undisturbed.withhold()
    fuse = Fuse(NEVER)
    undisturbed.work(fuse)
    for last in range(1, fuse.steps + 1, 2):
        town = Town(seed)
        town.withhold()
        town.work(Fuse(last))
        assert town.source.bad.keys() <= town.source.mails.keys()
        town.source.bad = {}
        town.finish()
        town.check()


@pytest.mark.parametrize("withheld", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_killed_again_and_again(seed: int, *, withheld: bool) -> None:
    """Each process gets as far as it gets; some meet a server that does not give some mails."""
    chance = random.Random(1000 + seed)  # noqa: S311 - not for secrets
    town = Town(seed)
    if withheld:
        town.withhold()
        town.work(Fuse(chance.randint(1, 90)))
        town.work(Fuse(NEVER))
        town.source.bad = {}
    for _ in range(chance.randint(2, 6)):
        town.work(Fuse(chance.randint(1, 90)))
    town.finish()
    town.check()
