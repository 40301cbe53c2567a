"""The archive's retention: bytes of mail that are older than the administrator wants them kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from trac_mailintake.tracker.archive import stored
from trac_mailintake.tracker.folders import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment


@dataclass(frozen=True, slots=True)
class Purged:
    """What went: batches of mail, and their bytes; and how many batches of that age stay for the mail in them."""

    batches: int
    size: int
    kept: int


def purge(env: Environment, before: date) -> Purged:
    """Remove batches of days before `before`, but for those with mail that is held or not yet done with.

    The rows of the journal stay, and with them what was seen: a mail that was left in its mailbox is not filed again.
    """
    batches = size = kept = 0
    for day in _days_before(env, before):
        for batch in sorted(day.glob("*.mails")):
            if _needed(env, stored(env, str(batch))):
                kept += 1
                continue
            size += batch.stat().st_size
            batch.unlink()
            batches += 1
        for folder in (day, day.parent, day.parent.parent):
            if any(folder.iterdir()):
                break
            folder.rmdir()
    return Purged(batches, size, kept)


def _days_before(env: Environment, before: date) -> Iterator[Path]:
    """The archive's folders of earlier days, the oldest first; what has another name is not ours."""
    for folder in sorted((Path(env.files_dir) / ROOT / "archive").glob("[0-9]*/[0-9]*/[0-9]*")):
        year, month, day = folder.parts[-3:]
        try:
            if date(int(year), int(month), int(day)) < before:
                yield folder
        except ValueError:
            continue


def _needed(env: Environment, batch: str) -> bool:
    rows = env.db_query(
        """SELECT id FROM mailintake_delivery WHERE archive=%s
           AND (outcome IS NULL OR outcome='held' OR (consumed=0 AND outcome<>'ignored')) LIMIT 1""",
        (batch,),
    )
    return bool(rows)
