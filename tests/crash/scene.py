"""The environments of these tests: made once, copied for each try."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from tests.crash import mails, rounds
from tests.crash.faults import Way
from tests.crash.zygote import call
from tests.servers.tracenv import SQLITE, TracEnv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crash.faults import Fault
    from tests.crash.places import Place
    from tests.crash.rounds import Done, State
    from tests.crash.zygote import Ended

OPTIONS: Final = (("logging", "log_type", "none"),)


Environments = Callable[[], AbstractContextManager[Path]]
"""Gives a fresh environment for the time of a block."""


def copies(template: Path, folder: Path) -> Environments:
    """Copies of an environment on SQLite."""
    numbers = itertools.count()

    @contextmanager
    def environment() -> Iterator[Path]:
        path = folder / f"env{next(numbers)}"
        shutil.copytree(template, path)
        yield path
        shutil.rmtree(path)

    return environment


def cleared(*environments: Path) -> Environments:
    """Environments on PostgreSQL, one for each lane, emptied before each use."""
    idle = SimpleQueue[Path]()
    for each in environments:
        idle.put(each)

    @contextmanager
    def environment() -> Iterator[Path]:
        path = idle.get()
        well(call(rounds.clear, path))
        yield path
        idle.put(path)

    return environment


def make(path: Path, database: str = SQLITE, *options: tuple[str, str, str]) -> Path:
    """An environment in which strangers may write; closed."""
    trac = TracEnv.create(path, database=database, options=(*OPTIONS, *options))
    trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    trac.close()
    return path


@dataclass(frozen=True, slots=True)
class Try:
    """One round that failed, and one or more after it: what was said, and what is left."""

    fault: Fault
    first: Ended
    again: tuple[Done, ...]
    state: State
    left: tuple[bytes, ...]

    @property
    def calls(self) -> int:
        """How many calls to the outside the first round made."""
        calls: int = self.first.result[-1].calls
        return calls

    def problems(self) -> list[str]:
        """What is not as it would be had nothing failed."""
        found = [f"stray: {each}" for each in self.state.strays]
        if self.left:
            found.append(f"{len(self.left)} mails were not disposed of")
        return found + of_tickets(self.state) + _of_rows(self.state)

    def __str__(self) -> str:
        """For whoever has to mend it."""
        done = self.first.result[-1] if self.first.result else None
        failed = done.failed if done else ""
        said = [done.said if done else self.first.raised, *(each.said for each in self.again)]
        trouble = "; ".join(self.problems())
        return f"call {self.fault.at} {self.fault.way.value} {failed}: {trouble}\n    " + "\n    ".join(said)


def of_tickets(state: State) -> list[str]:
    """What is not as it should be in the tickets of mails.LOAD."""
    found = [(ticket.summary, ticket.comments, dict(ticket.attachments)) for ticket in state.tickets]
    files = {name: mails.digest(content) for name, content in mails.FILES.items()}
    wanted = [("Two files", ("I forgot one thing.",), files), ("Marked up", (), {})]
    return [] if sorted(found) == sorted(wanted) else [f"tickets: {found}"]


def _of_rows(state: State) -> list[str]:
    found = sorted((str(row.outcome), str(row.subject), row.archived) for row in state.rows)
    words = ("created", "Two files"), ("commented", "Re: Two files"), ("created", "Marked up")
    wanted = sorted((*each, mails.digest(mail)) for each, mail in zip(words, mails.LOAD, strict=True))
    trouble = [] if found == wanted else [f"journal: {[(row.outcome, row.rule, row.reason) for row in state.rows]}"]
    trouble += [f"a notification is owed: {row.subject}" for row in state.rows if row.notify]
    if state.ids != len(mails.LOAD) or state.outbox:
        trouble.append(f"{state.ids} ids, {state.outbox} in the outbox")
    return trouble


def attempt(env: Path, place: Place, fault: Fault) -> Try:
    """Let a round fail, then run until all is done.

    A process that died is followed by one round at once; one that met an error by two, an hour apart. So is every
    process where the mailbox's server withheld mail.
    """
    place.deliver(*mails.LOAD)
    first = call(rounds.in_turn, (rounds.prepare, (env, *place.settings)), place.round(env, fault))
    place.later()
    steps = [place.round(env)]
    if fault.way is not Way.KILLED or getattr(place, "waits", False):
        steps = [(rounds.hour_passes, (env,)), *steps] * 2
    after = call(rounds.in_turn, *steps, (rounds.look, (env,)))
    *again, state = well(after)
    return Try(fault, first, tuple(filter(None, again)), state, tuple(place.there()))


@dataclass(frozen=True, slots=True)
class Vanishing:
    """One round that was killed, whereupon somebody removed all mail; and rounds after that.

    `sealed`: whether the bytes of all mails were durable by then; otherwise those of none were.
    """

    fault: Fault
    first: Ended
    again: tuple[Done, ...]
    state: State
    sealed: bool

    def problems(self) -> list[str]:
        """Mails are filed from the archive, or have vanished, but never both, nor neither."""
        if self.sealed:
            return [f"stray: {each}" for each in self.state.strays] + of_tickets(self.state) + _of_rows(self.state)
        found = [f"ticket: {each.summary}" for each in self.state.tickets]
        others = {(row.outcome, row.rule) for row in self.state.rows} - {("ignored", "vanished")}
        return found + [f"{outcome} ({rule})" for outcome, rule in others]

    def __str__(self) -> str:
        """For whoever has to mend it."""
        said = "\n    ".join([self.first.raised, *(each.said for each in self.again)])
        return f"call {self.fault.at}, {'' if self.sealed else 'not '}sealed: {'; '.join(self.problems())}\n    {said}"


def vanish(env: Path, place: Place, fault: Fault) -> Vanishing:
    """Kill a round, remove all mail from the mailbox, and run until all is done."""
    place.deliver(*mails.LOAD)
    first = call(rounds.in_turn, (rounds.prepare, (env, *place.settings)), place.round(env, fault))
    place.clear()
    place.later()
    known = rounds.sealed(env)
    sealed = {mails.digest(mail) for mail in mails.LOAD} <= known
    after = call(rounds.in_turn, place.round(env), place.round(env), (rounds.look, (env,)))
    *again, state = well(after)
    return Vanishing(fault, first, tuple(filter(None, again)), state, sealed)


def well(ended: Ended) -> Any:  # noqa: ANN401 - whatever the function returned
    """What a process returned that had no reason to fail."""
    assert not ended.raised, f"{ended.raised} (status {ended.status})"
    return ended.result
