"""Retention: removes bytes of mail and rows of the journal that are older than configured.

The rows are marked as purged first, durably, and then the bytes are removed. A crash in between leaves files that no
row refers to, which the next purge removes. Held and unfinished mail is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.archive.store import BUSY, alone, stored
from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.clock import lately
from trac_mailintake.tracker.db.durable import durable
from trac_mailintake.tracker.db.transaction import DAY, chunks, now, temporary, transaction
from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.states import FINAL, State, among
from trac_mailintake.tracker.options import SECTION
from trac_mailintake.tracker.outgoing.enqueue import forget_notices
from trac_mailintake.tracker.outgoing.waiting import PURGED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trac.env import Environment

    from trac_mailintake.tracker.db.transaction import Connection

_OPEN: Final = among(set(State) - FINAL, "COALESCE(state, '')")
_NEEDED: Final = f"({_OPEN} OR (consumed=0 AND state<>'{State.IGNORED.value}' AND live IS NOT NULL))"
"""Whether the bytes are still needed: the mail is not finally decided, or its copy remains to be disposed of."""
_STEP: Final = 1_000
"""Rows examined in one transaction."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What was removed: number of mails without bytes now, of files, their bytes, and rows of the journal.

    `kept` is the number of files of that age that stay because a mail in them is needed. `lost`: a sentence for each
    file with mail that no row had.
    """

    mails: int = 0
    batches: int = 0
    size: int = 0
    kept: int = 0
    rows: int = 0
    lost: tuple[str, ...] = ()


def purge_daily(env: Environment) -> None:
    """Purge, unless it was done within a day. A failure is logged, and the next run tries again."""
    try:
        with alone(env) as free:
            if free and _is_due(env):
                purged = _purge(env)
                env.log.info("Mail intake: %d mails purged, %d rows removed", purged.mails, purged.rows)
                for sentence in purged.lost:
                    env.log.warning("Mail intake: %s", sentence)
                inventory.look(env)
    except Exception:
        env.log.exception("Mail intake's old mail could not be purged")


def purge(env: Environment) -> Purged:
    """Remove what is older than `[mailintake] archive_days` and `journal_days`.

    Raises TemporaryFailure, also while another process refiles or purges.
    """
    with temporary(env), alone(env) as free:
        if not free:
            raise TemporaryFailure(BUSY)
        return _purge(env)


def _purge(env: Environment) -> Purged:
    mails = batches = size = kept = 0
    lost: list[str] = []
    days = env.config.getint(SECTION, "archive_days", 365)
    for folder in _days_before(env, days) if days > 0 else ():
        for batch in sorted(folder.glob("*.mails")):
            without = _without_rows(env, batch)
            purged = _part(env, stored(env, str(batch)))
            if purged is None:
                kept += 1
                continue
            mails, batches, size = mails + purged, batches + 1, size + batch.stat().st_size
            batch.unlink(missing_ok=True)
            lost += without
        _remove_empty(folder)
    rows = _forget(env, env.config.getint(SECTION, "journal_days", 0))
    return Purged(mails, batches, size, kept, rows, tuple(lost))


def _without_rows(env: Environment, path: Path) -> list[str]:
    """What to say of the mail in a batch that no row has, before the batch is removed."""
    return [
        f"{batch.name} was older than archive_days and is removed, with {what} that no row of the journal had."
        for batch in inventory.of_files(env, [path])
        if (what := _lost(batch))
    ]


def _lost(batch: inventory.Batch) -> str:
    if number := batch.count(inventory.Known.LOST):
        return "1 mail" if number == 1 else f"{number} mails"
    return "" if batch.recorded or batch.mails else f"{batch.size} bytes without records"


def _part(env: Environment, batch: str) -> int | None:
    """Mark all mails in a batch as purged. Returns their number; None if one of them is still needed."""
    with durable(env) as db:
        if db(f"SELECT id FROM mailintake_delivery WHERE archive=%s AND {_NEEDED} LIMIT 1", (batch,)):
            return None
        return transitions.purge(db, batch)


def _days_before(env: Environment, days: int) -> Iterator[Path]:
    """The archive's folders of earlier days, the oldest first."""
    before = datetime.now(UTC).date() - timedelta(days=days)
    return (folder for day, folder in inventory.days(env) if day < before)


def _remove_empty(day: Path) -> None:
    for folder in (day, day.parent, day.parent.parent):
        if any(folder.iterdir()):
            return
        folder.rmdir()


def _forget(env: Environment, days: int) -> int:
    """Remove rows whose mail is in no ticket, which threading and rates do not need. Returns their number."""
    with transaction(env) as db:
        old = Microseconds(now() - 2 * DAY)
        forget_notices(db, old)
        letters.drop_sent(db, old)
    before = Microseconds(now() - days * DAY)
    return sum(_forget_some(env, state, before) for state in FINAL) if days > 0 else 0


def _forget_some(env: Environment, state: State, before: Microseconds) -> int:
    """Remove rows of one outcome recorded before a time, in small steps, the oldest first. Returns their number."""
    number = since = 0
    while True:
        with transaction(env) as db:
            # In the order of the index: rows that must stay are skipped, and not examined again.
            rows = db(
                "SELECT id, recorded, CASE WHEN COALESCE(archive, '')='' AND COALESCE(live, '')='' "
                "AND COALESCE(ticket, 0)=0 THEN 1 ELSE 0 END FROM mailintake_delivery "
                f"WHERE state=%s AND recorded>%s AND recorded<%s ORDER BY recorded LIMIT {_STEP}",
                (state.value, since, before),
            )
            for some in chunks(row for row, _, goes in rows if goes):
                transitions.forget(db, some)
                number += len(some)
        if len(rows) < _STEP:
            return number
        # Not all rows of the last microsecond may have been among them.
        since = max(rows[-1][1] - 1, since + (rows[0][1] == rows[-1][1]))


def _is_due(env: Environment) -> bool:
    """Whether a day has passed since the last purge; if so, a new day begins."""
    with transaction(env) as db:
        return _take_turn(db)


def _take_turn(db: Connection) -> bool:
    rows = db("SELECT value FROM system WHERE name=%s", (PURGED,))
    if rows and lately(Microseconds(int(rows[0][0])), now(), DAY):
        return False
    db("DELETE FROM system WHERE name=%s", (PURGED,))
    db("INSERT INTO system (name, value) VALUES (%s, %s)", (PURGED, str(now())))
    return True
