"""The mail queue, looked at: what waits to be sent, without a worker and without sending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trac_mailintake.tracker.promises import owed

if TYPE_CHECKING:
    from trac.env import Environment


@dataclass(frozen=True, slots=True)
class Queued:
    """One outgoing mail that waits. Times are microseconds since 1970, UTC."""

    id: int
    kind: str
    delivery: int
    service: str
    attempts: int
    retry_at: int
    failure: str
    created: int


def queued(env: Environment) -> list[Queued]:
    """What waits to be sent, the oldest first."""
    rows = env.db_query(
        """SELECT id, kind, delivery, service, attempts, retry_at, COALESCE(failure, ''), created
           FROM mailintake_outbox WHERE sent=0 ORDER BY id"""
    )
    return [Queued(*row) for row in rows]


def anything_owed(env: Environment, now: int) -> bool:
    """Whether a mail is due to be sent, a notification is owed, or an account: three look-ups in an index."""
    due = env.db_query("SELECT id FROM mailintake_outbox WHERE sent=0 AND retry_at<=%s LIMIT 1", (now,))
    return bool(due or env.db_query("SELECT id FROM mailintake_delivery WHERE notify=1 LIMIT 1") or owed(env))
