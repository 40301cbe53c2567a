"""Which services are due or overdue, asked without anything that a service is made of: an idle run is these queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from trac_mailintake.tracker.db.transaction import temporary

if TYPE_CHECKING:
    from trac.env import Environment

ROUNDS: Final = 3
"""Rounds that a service may miss at least before it is overdue."""

_RUNS: Final = "enabled=1 AND stopped='' AND (server<>'' OR path<>'')"
"""What is run at all; one that only takes pipes never is."""
_SILENT: Final = " AND ".join(
    f"({{clock}}-{since})/60000000>{minutes}"
    for since in ("last_success", "created", "resumed")
    for minutes in ("overdue", f"{ROUNDS}*delay")
)


class Unusual(NamedTuple):
    """A service that is overdue, or (`told` is not 0) works again after a notice said that it is.

    `told` is since when nothing went well, as the notice said; `began` since when it could have.
    """

    name: str
    told: int
    began: int
    last_run: int
    last_success: int
    last_error: str
    forward: str


def due(env: Environment, now: int) -> list[str]:
    """Names of the services to run at `now` (microseconds since 1970, UTC), the longest waiting first.

    One whose last run lies in the future is due at once: the clock was ahead then, and was set back since.
    """
    query = (
        f"SELECT name FROM mailintake_service WHERE {_RUNS} AND (next_run<=%s OR last_run>%s) ORDER BY next_run, name"
    )
    with temporary(env):
        rows = env.db_query(query, (now, now))
    return [name for (name,) in rows]


def unusual(env: Environment, now: int, *, tried: bool = False) -> list[Unusual]:
    """Services of which there is something to tell: they are overdue at `now`, or work again.

    With `tried` only those are overdue whose rounds did not help: for who is about to begin one.
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
