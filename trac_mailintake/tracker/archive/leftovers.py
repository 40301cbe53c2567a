"""record: decides about batches of the archive that a dead worker left, and that no row refers to.

A sealed batch is no leftover: `deliveries.recovery` lets rows refer to it. Otherwise the worker died before it sealed
the batch, or the database has lost the claims. Mostly the mail is still in its mailbox, and is fetched and archived
again: then the batch is removed. If it is gone from there, the batch may be the only copy, and stays until `purge`
removes it, `[mailintake] archive_days` after its day.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.reasons import VANISHED
from trac_mailintake.tracker.db.transaction import chunks, marks
from trac_mailintake.tracker.lifecycle.states import IN_ARCHIVE, UNDECIDED, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment


class Fate(Enum):
    """What to do with a batch that a dead worker left and that no row refers to."""

    GOES = "goes"
    """Remove it: each of its mails has an outcome by now, or another copy in the archive."""
    WAITS = "waits"
    """Wait: one of its mails is undecided, and its row names no bytes."""
    STAYS = "stays"
    """Keep it: one of its mails has left the mailbox, or its row is lost."""


_END: Final = "."
"""The end of a line; without it the line was cut short by a power cut."""


def note(batch: str, ids: Iterable[int]) -> str:
    """The line that a worker writes before it begins a batch for the deliveries with these ids."""
    return " ".join([batch, *map(str, ids), _END])


def batch_of(line: str) -> str:
    """The batch that a line of `note` names, relative to the environment's folder of intake."""
    return line.partition(" ")[0]


def ids_of(line: str) -> list[int]:
    """The delivery ids in a line of `note`; none if the line was cut short."""
    *_, last = words = line.split(" ")
    return [int(word) for word in words[1:-1]] if last == _END else []


def fate(env: Environment, line: str) -> Fate:
    """What to do with the batch that a line of `note` names, if no row refers to it."""
    ids = ids_of(line)
    query = "SELECT state, rule FROM mailintake_delivery WHERE id IN "
    rows = [row for some in chunks(ids) for row in env.db_query(f"{query}({marks(some)})", some)]
    if any(State(state) in UNDECIDED - IN_ARCHIVE for state, _ in rows):
        return Fate.WAITS
    if not ids or len(rows) < len(ids) or (State.IGNORED.value, VANISHED.slug) in rows:
        return Fate.STAYS
    return Fate.GOES
