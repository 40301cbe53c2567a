"""Computes the figures of each service, for `status`, the panel and monitoring.

Queries stay cheap for any length of the journal: they use ranges of an index, and the newest rows of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from statistics import quantiles
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config.backlog import backlog
from trac_mailintake.tracker.config.circuit_breaker import Standing
from trac_mailintake.tracker.config.schedule import has_mailbox, too_long
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.transaction import DAY, HOUR, MINUTE, now
from trac_mailintake.tracker.lifecycle.states import DEFERRED, UNDECIDED, among

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.settings import Value
    from trac_mailintake.tracker.config.backlog import Backlog

_PUNCTUAL: Final = Microseconds(5 * MINUTE)
"""Least delay after which a due service counts as late, since cron does not run each second."""
_LATELY: Final = Microseconds(7 * DAY)
_SAMPLE: Final = 100
"""Number of the newest messages for which the lag is computed."""


class State(Enum):
    """The state of a service, in a word."""

    WELL = "well"
    WAITING = "waiting"
    """Its rounds go well, but a mail has waited for longer than `overdue` says."""
    NEW = "not run yet"
    LATE = "late"
    FAILING = "failing"
    OVERDUE = "overdue"
    STOPPED = "stopped"
    DISABLED = "disabled"


BAD: Final = (State.WAITING, State.LATE, State.FAILING, State.OVERDUE, State.STOPPED)
"""States in which an administrator needs to look."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One service. Times are 0 for never; durations are None if unknown.

    `waiting`: messages in the mailbox after the last round that reached it, without deferred ones; `oldest`: arrival of
    the oldest. `unclaimed`: messages there that no service on the mailbox wants. `lag`: half of the last messages were
    filed within this time; `lag_most`: nine of ten.
    """

    name: str
    kind: str
    state: State
    why: str
    """The state in a sentence, "" when all is well."""
    rounds: bool
    """Whether runs serve it; a pipe is handed its mail instead."""
    delay: int
    """Minutes between two rounds."""
    next_run: Microseconds
    last_run: Microseconds
    last_success: Microseconds
    last_result: str
    failed: Microseconds
    last_error: str
    waiting: int
    oldest: Microseconds
    unclaimed: int
    unclaimed_since: Microseconds
    held: int
    deferred: int
    in_work: int
    hour: int
    """Messages of the last hour; below, of the last 24 hours and the last seven days."""
    day: int
    week: int
    lag: Microseconds | None
    lag_most: Microseconds | None


@dataclass(frozen=True, slots=True)
class _Open:
    """A service's mail without a final outcome."""

    held: int = 0
    deferred: int = 0
    in_work: int = 0
    oldest: Microseconds = Microseconds(0)
    seen: Microseconds = Microseconds(0)
    """When the first of its undecided mails was first listed."""


def figures(env: Environment, rows: Sequence[Mapping[str, Value]]) -> list[Figures]:
    """The services, in the order of their `rows` (see `Services.rows`)."""
    moment = now()
    open_ = _open(env)
    return [_figures(env, row, open_.get(str(row["name"]), _Open()), moment) for row in rows]


def _figures(env: Environment, row: Mapping[str, Value], open_: _Open, moment: Microseconds) -> Figures:
    name = str(row["name"])
    waits = backlog(row, open_.deferred + open_.in_work, open_.seen)
    state = _state(row, waits, moment)
    lag, lag_most = _lags(env, name, moment)
    waiting = [each for each in (_time(row, "oldest"), open_.oldest) if each]
    return Figures(
        name=name,
        kind=str(row["kind"]),
        state=state,
        why=_why(state, row, waits, moment),
        rounds=has_mailbox(row),
        delay=_int(row, "delay"),
        next_run=_time(row, "next_run"),
        last_run=_time(row, "last_run"),
        last_success=_time(row, "last_success"),
        last_result=str(row["last_result"] or ""),
        failed=_time(row, "failed"),
        last_error=str(row["last_error"] or ""),
        waiting=_int(row, "waiting"),
        oldest=min(waiting, default=Microseconds(0)),
        unclaimed=_int(row, "unclaimed"),
        unclaimed_since=_time(row, "unclaimed_since"),
        held=open_.held,
        deferred=open_.deferred,
        in_work=open_.in_work,
        hour=_since(env, name, Microseconds(moment - HOUR)),
        day=_since(env, name, Microseconds(moment - DAY)),
        week=_since(env, name, Microseconds(moment - _LATELY)),
        lag=lag,
        lag_most=lag_most,
    )


# how it stands


def _state(row: Mapping[str, Value], waits: Backlog, moment: Microseconds) -> State:
    if row["stopped"]:
        return State.STOPPED
    if not row["enabled"]:
        return State.DISABLED
    if _is_overdue(row, moment):
        return State.OVERDUE
    if _int(row, "failed") > _int(row, "last_success"):
        return State.FAILING
    if has_mailbox(row) and _late(row, moment) > 0:
        return State.LATE
    return _untroubled(row, waits, moment)


def _untroubled(row: Mapping[str, Value], waits: Backlog, moment: Microseconds) -> State:
    """The state of a service whose rounds go well, or have not begun."""
    if waits.since and too_long(row, waits.since, moment):
        return State.WAITING
    return State.WELL if row["last_success"] or not has_mailbox(row) else State.NEW


def _is_overdue(row: Mapping[str, Value], moment: Microseconds) -> bool:
    """Whether no round has gone well for longer than `overdue` allows."""
    return has_mailbox(row) and too_long(row, _well_since(row), moment)


def _why(state: State, row: Mapping[str, Value], waits: Backlog, moment: Microseconds) -> str:
    silent = lasting(Microseconds(moment - _well_since(row)))
    match state:
        case State.STOPPED:
            return f"It has stopped: {Standing.of(row).why}"
        case State.OVERDUE if _late(row, moment) > 0:
            return f"No round for {silent}: does cron still run `trac-admin ENV mailintake run`?"
        case State.OVERDUE:
            return f"No round has gone well for {silent}. {row['last_error']}".strip()
        case State.WAITING:
            why = waits.why.sentence if waits.why else ""
            return f"A message has waited for {lasting(Microseconds(moment - waits.since))}. {why}".strip()
        case State.FAILING:
            return str(row["last_error"])
        case State.LATE:
            due = lasting(Microseconds(moment - _due(row)))
            return f"Due for {due}, and not run: does cron run `trac-admin ENV mailintake run`?"
        case _:
            return ""


def _due(row: Mapping[str, Value]) -> Microseconds:
    """When the service is due; for a new one, when it was added."""
    return _time(row, "next_run") or max(_time(row, "created"), _time(row, "resumed"))


def _late(row: Mapping[str, Value], moment: Microseconds) -> Microseconds:
    """How late the service is beyond its tolerance; 0 or less if it is in time."""
    return Microseconds(moment - _due(row) - max(2 * _int(row, "delay") * MINUTE, _PUNCTUAL))


def _well_since(row: Mapping[str, Value]) -> Microseconds:
    return max(_time(row, name) for name in ("last_success", "created", "resumed"))


def _int(row: Mapping[str, Value], name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0


def _time(row: Mapping[str, Value], name: str) -> Microseconds:
    return Microseconds(_int(row, name))


# what the journal says


def _open(env: Environment) -> dict[str, _Open]:
    """By service: mail that is held, deferred or in work."""
    # Grouped by an expression: otherwise SQLite reads all rows in the order of the service.
    by = "COALESCE(service, '')"
    sql = f"SELECT {by}, COUNT(*) FROM mailintake_delivery WHERE state='held' GROUP BY {by}"
    held = dict(env.db_query(sql))
    rows = env.db_query(
        f"""SELECT {by}, SUM(CASE WHEN {among(DEFERRED)} THEN 1 ELSE 0 END), COUNT(*),
                  MIN(CASE WHEN arrived>0 THEN arrived ELSE NULL END), MIN(CASE WHEN seen>0 THEN seen ELSE NULL END)
           FROM mailintake_delivery WHERE {among(UNDECIDED)} GROUP BY {by}"""
    )
    undecided = {service: (int(deferred), int(number), *times) for service, deferred, number, *times in rows}
    found = {}
    for service in held.keys() | undecided.keys():
        deferred, number, *times = undecided.get(service, (0, 0, 0, 0))
        found[service] = _Open(
            held.get(service, 0), deferred, number - deferred, *(Microseconds(at or 0) for at in times)
        )
    return found


def _since(env: Environment, service: str, since: Microseconds) -> int:
    sql = "SELECT COUNT(*) FROM mailintake_delivery WHERE service=%s AND recorded>%s"
    return int(env.db_query(sql, (service, since))[0][0])


def _lags(env: Environment, service: str, moment: Microseconds) -> tuple[Microseconds | None, Microseconds | None]:
    """Median and ninth decile of the time from arrival to outcome of the newest messages."""
    rows = env.db_query(
        f"""SELECT recorded, counted FROM mailintake_delivery WHERE service=%s AND recorded>%s
            ORDER BY recorded DESC LIMIT {_SAMPLE}""",
        (service, moment - _LATELY),
    )
    spans = [max(recorded - counted, 0) for recorded, counted in rows if counted]
    if not spans:
        return None, None
    tenths = quantiles([*spans, spans[0]] if len(spans) == 1 else spans, n=10, method="inclusive")
    return Microseconds(int(tenths[4])), Microseconds(int(tenths[8]))
