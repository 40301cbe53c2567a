"""record: comment numbers that no other comment of the ticket has.

`Ticket.save_changes` (trac/ticket/model.py) takes its time before it waits for the ticket's row, and then the number
after that of the newest change by time. So if a web user's save waits for ours, its comment N + 1 has an earlier time
than our comment N, and whoever comments next gets N + 1, too. Links and the journal then lead to the wrong comment.

Whatever saves a change through Trac's model updates the ticket's row first. So nobody else commits a number for that
ticket while we hold this row, or SQLite's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trac.util.datefmt import from_utimestamp, to_utimestamp

from trac_mailintake.tracker.db.transaction import chunks, marks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from trac.env import Environment

    from trac_mailintake.intake.times import Microseconds


@dataclass(frozen=True, slots=True)
class Comments:
    """What the comments of a ticket have: the highest number (0: none), and the latest time (None: none)."""

    highest: int
    latest: datetime | None


def existing(env: Environment, tickets: Sequence[int]) -> dict[int, Comments]:
    """The comments of tickets, whose rows are locked: nothing that Trac's model saves is added to them."""
    stored: dict[int, list[tuple[Microseconds, str]]] = {ticket: [] for ticket in tickets}
    with env.db_transaction as db:
        for some in chunks(tickets):
            rows = f"SELECT ticket, time, oldvalue FROM ticket_change WHERE ticket IN ({marks(some)})"
            for ticket, time, number in db(f"{rows} AND field='comment'", some):
                stored[ticket].append((time, number or ""))
    return {ticket: _summed_up(each) for ticket, each in stored.items()}


def _summed_up(stored: Sequence[tuple[Microseconds, str]]) -> Comments:
    latest = max((time for time, _ in stored), default=None)
    highest = max((_number(each) for _, each in stored), default=0)
    return Comments(highest, None if latest is None else from_utimestamp(latest))


def _number(stored: str) -> int:
    """The number in `oldvalue`, which is "PARENT.NUMBER" for an answer; 0 if there is none, as in old databases."""
    last = stored.rpartition(".")[2]
    return int(last) if last.isascii() and last.isdigit() else 0


def ensure_unique(env: Environment, ticket: int, when: datetime, number: int, before: Comments) -> int:
    """The number of our comment, which was saved with `when` and `number`; it gets another one if that may be taken.

    `before`: the comments that were there. The new number is higher than all of theirs.
    """
    if number > before.highest:
        return number
    free = before.highest + 1
    with env.db_transaction as db:
        db(
            "UPDATE ticket_change SET oldvalue=%s WHERE ticket=%s AND time=%s AND field='comment'",
            (str(free), ticket, to_utimestamp(when)),
        )
    return free
