"""record: what becomes of the batches of the archive that a dead worker left, and no row refers to.

Mostly its mail is still in the mailbox, is read again, and archived again: then the batch goes. But the mail may be in
no mailbox any more: the database lost what it had committed (its server does not flush), or somebody took it away. Then
the batch is all there is, and stays until `purge` removes it, `[mailintake] archive_days` after its day.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.reasons import VANISHED
from trac_mailintake.tracker.db.transaction import chunks, marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment


class Fate(Enum):
    """What becomes of such a batch."""

    GOES = "goes"
    """Each of its mails was decided upon otherwise: there is another copy, or nobody was to have one."""
    WAITS = "waits"
    """One of them is undecided."""
    STAYS = "stays"
    """One of them is in the mailbox no more, or the database has forgotten it."""


_END: Final = "."
"""The last word of a line: without it the line was torn by a power cut."""


def note(batch: str, ids: Iterable[int]) -> str:
    """The line that a worker writes down before it begins a batch for the deliveries with these ids."""
    return " ".join([batch, *map(str, ids), _END])


def batch_of(line: str) -> str:
    """The batch of such a line, relative to the environment's folder of intake."""
    return line.partition(" ")[0]


def ids_of(line: str) -> list[int]:
    """The ids of such a line; none of one that was torn."""
    *_, last = words = line.split(" ")
    return [int(word) for word in words[1:-1]] if last == _END else []


def fate(env: Environment, line: str) -> Fate:
    """What is to become of the batch of such a line, unless a row refers to it."""
    ids = ids_of(line)
    query = "SELECT outcome, rule FROM mailintake_delivery WHERE id IN "
    rows = [row for some in chunks(ids) for row in env.db_query(f"{query}({marks(some)})", some)]
    if any(outcome is None for outcome, _ in rows):
        return Fate.WAITS
    if not ids or len(rows) < len(ids) or ("ignored", VANISHED.slug) in rows:
        return Fate.STAYS
    return Fate.GOES
