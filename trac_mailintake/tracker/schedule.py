"""Which services are due, asked without anything that a service is made of: an idle run is this one query."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trac.env import Environment


def due(env: Environment, now: int) -> list[str]:
    """Names of the services to run at `now` (microseconds since 1970, UTC), the longest waiting first.

    One that only takes pipes never is.
    """
    rows = env.db_query(
        """SELECT name FROM mailintake_service
           WHERE enabled=1 AND stopped='' AND next_run<=%s AND (server<>'' OR path<>'') ORDER BY next_run, name""",
        (now,),
    )
    return [name for (name,) in rows]
