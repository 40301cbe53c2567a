"""The services as the panel lists them: the stored ones, and the built-in mail queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trac_mailintake.intake.model import Status
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config.circuit_breaker import Standing
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.lifecycle.states import IN_WORK
from trac_mailintake.tracker.options import sends
from trac_mailintake.tracker.outgoing.waiting import queued

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment

    from trac_mailintake.intake.settings import Value
    from trac_mailintake.tracker.config.services import Services


@dataclass(frozen=True, slots=True)
class Row:
    """One service. Times are 0 for never; `delay` is in minutes, `backlog` is messages by outcome."""

    name: str
    description: str
    kind: str
    place: str
    handler: str
    delay: int
    enabled: bool
    stopped: str
    next_run: Microseconds
    last_run: Microseconds
    last_result: str
    failed: bool
    backlog: tuple[tuple[str, int], ...]
    rounds: bool
    """Whether runs serve it; a pipe is handed its mail instead."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The mail queue: number of waiting messages, whether sending is switched on, and the last failure."""

    waiting: int
    sends: bool
    failure: str


def rows(env: Environment, services: Services) -> list[Row]:
    """All stored services, by name. Calls no plugin, so that the list works even if a plugin is broken."""
    counts = Journal(env).waiting()
    return [_row(stored, counts.get(str(stored["name"]), {})) for stored in services.rows()]


def queue(env: Environment) -> Queue:
    """The state of the mail queue."""
    waiting = queued(env)
    failure = next((each.failure for each in reversed(waiting) if each.failure), "")
    return Queue(len(waiting), sends(env), failure)


def _row(stored: Mapping[str, Value], counts: Mapping[str, int]) -> Row:
    server, path = str(stored["server"] or ""), str(stored["path"] or "")
    return Row(
        name=str(stored["name"]),
        description=str(stored["description"] or ""),
        kind=str(stored["kind"]),
        place=f"{server}/{stored['folder']}" if server else path,
        handler=str(stored["handler"]),
        delay=_number(stored["delay"]),
        enabled=bool(stored["enabled"]),
        stopped=Standing.of(stored).why,
        next_run=_time(stored["next_run"]),
        last_run=_time(stored["last_run"]),
        last_result=str(stored["last_result"] or ""),
        failed=_time(stored["failed"]) > _time(stored["last_success"]),
        backlog=tuple(
            (each, counts[each]) for each in (Status.HELD.value, Status.DEFERRED.value, IN_WORK) if each in counts
        ),
        rounds=bool(server or path),
    )


def _time(value: Value) -> Microseconds:
    return Microseconds(_number(value))


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0
