"""Finds services that are due or overdue, without loading rules or handlers: an idle run makes only these queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config.backlog import UNDECIDED_ROWS, Backlog, backlog
from trac_mailintake.tracker.db.transaction import MINUTE, temporary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment

    from trac_mailintake.intake.settings import Value

ROUNDS: Final = 3
"""Rounds that a service must miss at least before it is overdue."""

_RUNS: Final = "enabled=1 AND stopped='' AND (server<>'' OR path<>'')"
"""SQL: services that runs serve; pipes are never among them."""
_COLUMNS: Final = (
    *("name", "told", "created", "resumed", "last_run", "last_success", "last_error", "forward", "overdue", "delay"),
    *("waiting", "oldest", "unclaimed", "unclaimed_since"),
)


class Unusual(NamedTuple):
    """A service that is overdue, or has recovered after a notice (`told` is not 0).

    `told`: since when no round succeeded, or mail has waited, as the notice said; `began`: since when a round could
    have. `backlog`: the mail that waits for too long although rounds go well.
    """

    name: str
    told: Microseconds
    began: Microseconds
    last_run: Microseconds
    last_success: Microseconds
    last_error: str
    forward: str
    backlog: Backlog = Backlog(Microseconds(0), None)


def has_mailbox(row: Mapping[str, Value]) -> bool:
    """Whether runs serve a stored service, as `_RUNS` says; a mail server hands a pipe its mail."""
    return bool(row["server"] or row["path"])


def due(env: Environment, now: Microseconds) -> list[str]:
    """Names of the services to run at `now`, the longest waiting first.

    A service whose last run is in the future is due at once: the clock was ahead then, and has been set back.
    """
    query = (
        f"SELECT name FROM mailintake_service WHERE {_RUNS} AND (next_run<=%s OR last_run>%s) ORDER BY next_run, name"
    )
    with temporary(env):
        rows = env.db_query(query, (now, now))
    return [name for (name,) in rows]


def unusual(env: Environment, now: Microseconds, *, tried: bool = False) -> list[Unusual]:
    """Services that are overdue at `now`, or have recovered.

    With `tried`, only services whose last rounds failed count as overdue: for a caller that is about to begin one.
    Raises TemporaryFailure.
    """
    query = f"""SELECT {", ".join(_COLUMNS)}, COALESCE(waiting_number, 0), COALESCE(waiting_since, 0)
                FROM mailintake_service LEFT JOIN ({UNDECIDED_ROWS}) mails ON waiting_service=name
                WHERE {_RUNS} ORDER BY name"""
    with temporary(env):
        rows = env.db_query(query)
    found = []
    for *values, number, since in rows:
        row = dict(zip(_COLUMNS, values, strict=True))
        each = _unusual(row, Microseconds(row["last_run"]) if tried else now, backlog(row, number, since))
        found += [each] if each else []
    return found


def too_long(row: Mapping[str, Value], since: Microseconds, now: Microseconds) -> bool:
    """Whether it is longer ago than the setting `overdue` of a stored service allows, and than three rounds."""
    minutes, delay = int(str(row["overdue"] or 0)), int(str(row["delay"] or 0))
    return minutes > 0 and now - since > max(minutes, ROUNDS * delay) * MINUTE


def _unusual(row: dict[str, Any], now: Microseconds, waits: Backlog) -> Unusual | None:
    """What is unusual about a service at `now`; None if nothing is."""
    began = max(row["created"], row["resumed"])
    each = Unusual(
        *(row["name"], row["told"], began, row["last_run"], row["last_success"]),
        *(row["last_error"] or "", row["forward"]),
    )
    waiting = waits.since > 0 and too_long(row, waits.since, now)
    if row["told"]:
        return each if row["last_success"] > row["told"] and not waiting else None
    if too_long(row, max(began, row["last_success"]), now):
        return each
    return each._replace(backlog=waits) if waiting else None
