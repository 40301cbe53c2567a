"""Finds services that are due or overdue, without loading rules or handlers: an idle run makes only these queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from trac_mailintake.tracker.db.transaction import MINUTE, temporary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment

    from trac_mailintake.intake.settings import Value
    from trac_mailintake.intake.times import Microseconds

ROUNDS: Final = 3
"""Rounds that a service must miss at least before it is overdue."""

_RUNS: Final = "enabled=1 AND stopped='' AND (server<>'' OR path<>'')"
"""SQL: services that runs serve; pipes are never among them."""
_SILENT: Final = " AND ".join(
    f"({{clock}}-{since})/{MINUTE}>{minutes}"
    for since in ("last_success", "created", "resumed")
    for minutes in ("overdue", f"{ROUNDS}*delay")
)


class Unusual(NamedTuple):
    """A service that is overdue, or has recovered after a notice (`told` is not 0).

    `told`: since when no round succeeded, as the notice said; `began`: since when one could have.
    """

    name: str
    told: Microseconds
    began: Microseconds
    last_run: Microseconds
    last_success: Microseconds
    last_error: str
    forward: str


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
    clock = "last_run" if tried else "%s"
    silent = _SILENT.format(clock=clock)
    query = f"""SELECT name, told, CASE WHEN created>resumed THEN created ELSE resumed END, last_run, last_success,
                       COALESCE(last_error, ''), forward FROM mailintake_service
                WHERE {_RUNS} AND (told>0 AND last_success>told OR told=0 AND overdue>0 AND {silent}) ORDER BY name"""
    with temporary(env):
        rows = env.db_query(query, (now,) * silent.count("%s"))
    return [Unusual(*row) for row in rows]
