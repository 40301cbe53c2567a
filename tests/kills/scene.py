"""One environment with its mailboxes: a storm of kills while mail comes in, then calm, then a look at what is there."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tests.kills.boxes import Pipe, box
from tests.kills.check import Check
from tests.kills.letters import Writer
from tests.kills.look import Tickets, entries, leftovers, notified, query
from tests.kills.processes import Group, backends, command, delivery
from tests.kills.servers import WATCHER
from tests.kills.shim import CALLS, Usual, Victim, loaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kills.boxes import Box
    from tests.kills.check import Findings
    from tests.kills.letters import Letter
    from tests.kills.servers import Servers

_VICTIMS: Final = (Victim.GROUP, Victim.PARENT, Victim.ONE)
_STATUSES: Final = {"run": frozenset({0, 1, 3}), "deliver": frozenset({0, 75})}
"""How a process ends that nobody kills (docs/behaviour.md#exit-statuses)."""
_TRAC_FAILED: Final = 2
_LONGEST: Final = 300.0
"""Seconds after which a process hangs, on a busy machine, too."""
_KILLED_ROUNDS: Final = 2
"""After so many rounds with deaths, one process may finish: three deaths in a row would have mail held."""
_QUIET_ROUNDS: Final = 60
_STEP: Final = 61
"""Seconds that the clock goes on between two quiet rounds: a mail is deferred for a minute."""
_QUEUE: Final = 6
"""Mails in the queue of a mail server that pipes, at most."""
_LATER: Final = 3700
"""Seconds after which one more round must change nothing."""


class Scene:
    """Everything about one environment; `seed` decides all that chance decides, but not how processes interleave."""

    def __init__(self, servers: Servers, kinds: tuple[str, ...], database: str, seed: int, variant: int) -> None:
        self.seed, self.database = seed, database
        self.kills: Counter[str] = Counter()
        self.chance = random.Random(f"{seed} {kinds} {database}")  # noqa: S311 - a seed repeats it
        self.folder = servers.folder / f"scene-{seed}"
        self._servers = servers
        self._kinds, self._variant = kinds, variant
        self._usual = {"run": Usual(), "deliver": Usual()}
        self._seconds = {"run": 0.4, "deliver": 0.4}
        self._ahead = 0
        self._number = 0
        self._killed_rounds = 0
        self._processes = 0
        self._groups: list[Group] = []
        self.complaints: list[str] = []
        self.boxes: list[Box] = []

    def make(self) -> None:
        """Make the environment and the mailboxes."""
        self.folder.mkdir()
        self._servers.outbox.clear()
        self.trac = self._servers.environment(self.database, self.folder / "trac")
        self.boxes = [
            box(kind, f"{kind}{i}", self._variant + i, self.chance, self.folder, self._servers.dovecots)
            for i, kind in enumerate(self._kinds)
        ]
        self.writers = [Writer(self.chance, each.addresses, copies=each.sharing != "plain") for each in self.boxes]
        for each in self.boxes:
            for words in each.commands():
                status, said = self.ask(*words)
                if status:
                    message = f"{' '.join(words)} ended with {status}: {said}"
                    raise RuntimeError(message)

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def __str__(self) -> str:
        return f"{' + '.join(map(str, self.boxes or self._kinds))} on {self.database}"

    def ask(self, *words: str) -> tuple[int, str]:
        """What `trac-admin ENV mailintake words…` ends with and prints, in peace."""
        said = self.folder / "asked"
        said.write_bytes(b"")
        group = Group(command(self.trac.path, ("mailintake", *words)), said, ahead=self._ahead)
        group.start()
        return group.wait(_LONGEST), said.read_text(encoding="utf-8", errors="replace")

    # The storm ------------------------------------------------------------------------------------------------------

    def storm(self, kills: int, deadline: float) -> None:
        """Feed and kill until so many kills were made."""
        rounds = 0
        while self.kills.total() < kills and time.monotonic() < deadline and rounds < 20 * kills:
            rounds += 1
            self._feed(22 if rounds % 15 == 7 else self.chance.choice((0, 1, 1, 2, 3)), 0.0)
            before = self.kills.total()
            self._round()
            self._killed_rounds = self._killed_rounds + 1 if self.kills.total() > before else 0
            if self.chance.random() < 0.1:
                self._ahead += 20

    def _feed(self, count: int, age: float) -> None:
        for _ in range(count):
            # A pipe takes one mail at a time; its queue shall not grow for ever.
            open_ = [i for i, each in enumerate(self.boxes) if not isinstance(each, Pipe) or len(each.waiting) < _QUEUE]
            if not open_:
                return
            at = self.chance.choice(open_)
            self._number += 1
            letter = self.writers[at].write(self._number, self.boxes[at].answerable(age))
            self.boxes[at].feed(letter)

    def _round(self) -> None:
        """One to three processes, and what happens to them."""
        count = self.chance.choice((1, 1, 2, 3)) if self._killed_rounds < _KILLED_ROUNDS else 1
        groups = [self._group(self._plan()) for _ in range(count)]
        waiting = sorted(groups, key=lambda attempt: attempt.starts)
        running: list[Attempt] = []
        usual = 1.5 * self._seconds["run"]
        feeding = time.monotonic() + self.chance.uniform(0, usual)
        cuts = self.database == "postgres" and self.chance.random() < 0.1
        cutting = time.monotonic() + self.chance.uniform(0, usual) if cuts else math.inf
        while waiting or running:
            now = time.monotonic()
            while waiting and waiting[0].starts <= now:
                running.append(waiting.pop(0).begun())
            for attempt in running:
                attempt.strike(now, self.chance)
            for attempt in [each for each in running if each.group.ended()]:
                running.remove(attempt)
                self._over(attempt)
            if now > feeding:
                feeding = math.inf
                self._feed(self.chance.choice((0, 1, 1, 2)), 0.1)
            if now > cutting:
                cutting = math.inf
                self._kill_backend()
            time.sleep(0.004)

    def _plan(self) -> str:
        """What shall happen to a process: nothing, a kill at a moment or at a call, perhaps while it recovers."""
        if self._killed_rounds >= _KILLED_ROUNDS or self.chance.random() < 0.1:
            return "none"
        recovering = self._killed_rounds and self.chance.random() < 0.4
        at = "call" if loaded() and self.chance.random() < 0.55 else "moment"
        return f"recovery {at}" if recovering else at

    def _group(self, plan: str) -> Attempt:
        pipes = [each for each in self.boxes if isinstance(each, Pipe)]
        due = [(pipe, letter) for pipe in pipes for letter in pipe.due()]
        if due and self.chance.random() < (0.9 if len(pipes) == len(self.boxes) else 0.5):
            pipe, letter = self.chance.choice(due[:3])
            return self._delivery(pipe, letter, plan)
        words = ["mailintake", "run"]
        fetching = [name for each in self.boxes if not isinstance(each, Pipe) for name in each.services]
        words += [self.chance.choice(fetching)] if fetching and self.chance.random() < 0.15 else ["--force"]
        group = Group(command(self.trac.path, words), self._said(), ahead=self._ahead)
        return self._attempt("run", group, plan)

    def _said(self) -> Path:
        """Where the next process says what it has to say."""
        self._processes += 1
        return self.folder / f"said-{self._processes}"

    def _delivery(self, pipe: Pipe, letter: Letter, plan: str) -> Attempt:
        mail = self.folder / f"{letter.number}.mail"
        mail.write_bytes(letter.content)
        pipe.handed(letter)
        work = delivery(self.trac.path, pipe.services[0])
        group = Group(work, self._said(), stdin=mail, ahead=self._ahead)
        return self._attempt("deliver", group, plan, lambda status: self._answered(pipe, letter, status))

    def _answered(self, pipe: Pipe, letter: Letter, status: int) -> None:
        pipe.answered(letter, status, self.chance)
        pipe.known |= {str(row[0]) for row in query(self.trac, "SELECT locator FROM mailintake_delivery")}

    def _attempt(self, what: str, group: Group, plan: str, over: Callable[[int], None] = lambda _: None) -> Attempt:
        victim = self.chance.choice(_VICTIMS)
        starts = time.monotonic() + (0 if self.chance.random() < 0.5 else self.chance.uniform(0, 0.3))
        moment = None
        if plan.endswith("moment"):
            moment = self.chance.uniform(0, self._seconds[what] * (0.25 if plan.startswith("recovery") else 1.1))
        elif plan.endswith("call"):
            call, nth = self._usual[what].choose(self.chance)
            if plan.startswith("recovery"):
                nth = self.chance.randint(1, 8)
            group.tally.plan(call, nth, victim, after=self.chance.random() < 0.5)
            plan = plan.replace("call", CALLS[call])
        return Attempt(what, group, plan, victim, starts, moment, over)

    def _over(self, attempt: Attempt) -> None:
        group = attempt.group
        if group.kills:
            self.kills[f"{attempt.plan}, {attempt.victim.name.lower()}"] += 1
        elif attempt.plan == "none" or not attempt.moment:
            self._usual[attempt.what].learn(group.tally.counts)
            took = time.monotonic() - group.started
            self._seconds[attempt.what] += 0.3 * (took - self._seconds[attempt.what])
        status = group.status if group.status is not None else 70
        attempt.over(status)
        if not group.kills:
            self._judge(attempt.what, status, group.said)
        # Somebody of it may still live.
        self._groups = [each for each in (*self._groups, group) if not each.gone()]

    def _judge(self, what: str, status: int, said: str) -> None:
        """Whether a process that nobody killed ended as the documentation says."""
        # trac-admin ends with 2 if it cannot open the environment, as when its first connection is cut.
        cut = status == _TRAC_FAILED and any(name.startswith("backend") for name in self.kills)
        if not cut and (status not in _STATUSES[what] or "Traceback" in said):
            self.complaints.append(f"a {what} ended with {status}: {said[-600:]}")

    def _kill_backend(self) -> None:
        serving = backends(self._servers.postmaster)
        if serving:
            hard = self.chance.random() < 0.3
            with suppress(ProcessLookupError):
                os.kill(self.chance.choice(serving), signal.SIGKILL if hard else signal.SIGTERM)
            self.kills[f"backend, {'kill' if hard else 'terminate'}"] += 1

    # The calm -------------------------------------------------------------------------------------------------------

    def calm(self) -> bool:
        """Let everything finish; whether it did."""
        for group in self._groups:
            group.wait(_LONGEST)
        for _ in range(_QUIET_ROUNDS):
            for pipe in (each for each in self.boxes if isinstance(each, Pipe)):
                for letter in pipe.due(at_once=True):
                    attempt = self._delivery(pipe, letter, "none").begun()
                    attempt.over(attempt.group.wait(_LONGEST))
            self._judge("run", *self.ask("run", "--force"))
            if self._finished():
                self._pass(_LATER)
                self._judge("run", *self.ask("run", "--force"))
                return True
            self._pass(_STEP)
        return False

    def _pass(self, seconds: int) -> None:
        """Let time go by."""
        if loaded():
            self._ahead += seconds
        else:
            time.sleep(min(5, seconds))

    def _finished(self) -> bool:
        if self._undisposed() or not all(each.settled() for each in self.boxes):
            return False
        status, said = self.ask("status", "--json")
        if self._waiting(json.loads(said)):
            return False
        return not status or self._held()

    def _waiting(self, said: dict[str, Any]) -> bool:
        return bool(said["queue"] or sum(service["deferred"] + service["in_work"] for service in said["services"]))

    def _undisposed(self) -> bool:
        """Whether the journal says of a copy that it was not disposed of."""
        boxes = [name for each in self.boxes if not isinstance(each, Pipe) for name in each.services]
        rows = query(self.trac, "SELECT service FROM mailintake_delivery WHERE consumed=0 AND state<>'ignored'")
        return any(service in boxes for (service,) in rows)

    def _held(self) -> bool:
        return bool(json.loads(self.ask("journal", "list", "outcome=held", "rule=crashes", "--json")[1]))

    # The look -------------------------------------------------------------------------------------------------------

    def look(self) -> Findings:
        """What is wrong."""
        journal = entries(self.ask("journal", "list", "--limit", "100000", "--json")[1])
        check = Check(self.boxes, Tickets.of(self.trac), journal)
        found = check.run()
        found.bad += self.complaints
        check.compare_notifications(notified(self._servers.outbox.sent(), WATCHER))
        for each in self.boxes:
            found.bad += each.faults()
        found.bad += [f"left over: {name}" for name in leftovers(self.trac, {entry.file for entry in journal})]
        status, said = self.ask("status", "--json")
        states = {service["name"]: service["state"] for service in json.loads(said)["services"]}
        if (status and not found.crashed) or set(states.values()) != {"well"}:
            found.bad.append(f"`status` ends with {status} and says {states}")
        return found

    @property
    def mails(self) -> int:
        """How many mails were fed."""
        return sum(len(each.fed) for each in self.boxes)


class Attempt:
    """A process of the storm, and what is planned for it."""

    def __init__(
        self,
        what: str,
        group: Group,
        plan: str,
        victim: Victim,
        starts: float,
        moment: float | None,
        over: Callable[[int], None],
    ) -> None:
        self.what, self.group, self.plan, self.victim = what, group, plan, victim
        self.starts, self.moment, self.over = starts, moment, over
        self._hangs = starts + _LONGEST

    def begun(self) -> Attempt:
        """Start it."""
        self.group.start()
        return self

    def strike(self, now: float, chance: random.Random) -> None:
        """Kill it when its moment has come, or when it hangs."""
        if self.group.killed or self.group.ended():
            return
        if self.moment is not None and now >= self.group.started + self.moment:
            self.group.kill(self.victim, chance)
        elif now > self._hangs:
            self.plan = "hangs"
            self.group.kill(Victim.GROUP, chance)
