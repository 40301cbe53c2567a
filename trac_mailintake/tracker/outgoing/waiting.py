"""Reads the outbox without a worker and without sending."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.clock import lately
from trac_mailintake.tracker.db.letters import LETTERS
from trac_mailintake.tracker.db.transaction import DAY
from trac_mailintake.tracker.people.contacts import ACCOUNTS
from trac_mailintake.tracker.private_dir import ROOT

if TYPE_CHECKING:
    from trac.env import Environment

PURGED: Final = "mailintake_purged"
"""The row of Trac's `system` table with the time of the last purge."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A message waiting in the outbox."""

    id: int
    kind: str
    delivery: int
    service: str
    attempts: int
    retry_at: Microseconds
    failure: str
    created: Microseconds


def queued(env: Environment) -> list[Queued]:
    """The messages waiting in the outbox, the oldest first."""
    rows = env.db_query(
        """SELECT id, kind, delivery, service, attempts, retry_at, COALESCE(failure, ''), created
           FROM mailintake_outbox WHERE sent=0 ORDER BY id"""
    )
    return [Queued(*row) for row in rows]


def anything_owed(env: Environment, now: Microseconds) -> bool:
    """Whether outgoing mail, a notification, a user account or the daily purge is due; uses only index look-ups."""
    return bool(
        LETTERS.any_due(env)
        or env.db_query("SELECT id FROM mailintake_delivery WHERE notify=1 LIMIT 1")
        or ACCOUNTS.any_due(env)
        or _purge_due(env, now)
    )


def _purge_due(env: Environment, now: Microseconds) -> bool:
    """Whether the daily purge is due. If all services are pipes, nothing else makes a run purge the archive."""
    if not os.path.isdir(os.path.join(env.files_dir, ROOT, "archive")):
        return False
    rows = env.db_query("SELECT value FROM system WHERE name=%s", (PURGED,))
    return not rows or not lately(Microseconds(int(rows[0][0])), now, DAY)
