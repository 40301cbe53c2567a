"""The mail queue, looked at: what waits to be sent, without a worker and without sending."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.db.clock import LETTERS, lately, reached
from trac_mailintake.tracker.db.transaction import DAY
from trac_mailintake.tracker.people.owed_accounts import owed
from trac_mailintake.tracker.private_dir import ROOT

if TYPE_CHECKING:
    from trac.env import Environment

PURGED: Final = "mailintake_purged"
"""The row of Trac's `system` table that says when old mail was last purged."""


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
    """Whether a mail is due to be sent, a notification is owed, an account, or the day's purge: look-ups in indexes."""
    waits = f"SELECT id FROM mailintake_outbox WHERE sent=0 AND {reached('retry_at')} LIMIT 1"
    due = env.db_query(waits, (now, now + LETTERS))
    return bool(
        due
        or env.db_query("SELECT id FROM mailintake_delivery WHERE notify=1 LIMIT 1")
        or owed(env)
        or _purge_due(env, now)
    )


def _purge_due(env: Environment, now: int) -> bool:
    """Where mail only comes by pipes, nothing else would make a run look after the archive."""
    if not os.path.isdir(os.path.join(env.files_dir, ROOT, "archive")):
        return False
    rows = env.db_query("SELECT value FROM system WHERE name=%s", (PURGED,))
    return not rows or not lately(int(rows[0][0]), now, DAY)
