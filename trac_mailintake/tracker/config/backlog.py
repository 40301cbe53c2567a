"""What waits of each service, and since when: so that no mail waits for long without anybody being told.

Mail may wait in three places: in the journal, deferred or in work; in the mailbox, since a round did not come to it;
and in the mailbox, since no service there wants it (`catchemail`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from trac_mailintake.intake import reasons
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.lifecycle.states import UNDECIDED, each_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac_mailintake.intake.settings import Value
    from trac_mailintake.mail.wording import Reason

UNDECIDED_ROWS: Final = f"""
    SELECT service AS waiting_service, COUNT(*) AS waiting_number, MIN(seen) AS waiting_since
    FROM {each_of(UNDECIDED, "service, seen")} WHERE seen>0 GROUP BY service"""
"""SQL: how many mails of each service are undecided, and since when the oldest is known."""


class Backlog(NamedTuple):
    """What has waited the longest of a service: since when (0: nothing waits), and why, in a sentence."""

    since: Microseconds
    why: Reason | None


def backlog(row: Mapping[str, Value], number: int, since: Microseconds) -> Backlog:
    """The backlog of a stored service, of which so many mails are undecided, the first `since` then.

    `row` has its columns `created`, `resumed`, `waiting`, `oldest`, `unclaimed` and `unclaimed_since`. Mail cannot wait
    for a service before that was added or enabled.
    """
    began = max(_number(row, "created"), _number(row, "resumed"))
    left, unclaimed = _number(row, "waiting"), _number(row, "unclaimed")
    found = [
        (max(since, began) if number and since else 0, reasons.WAITS_UNDECIDED(number=number)),
        (max(_number(row, "oldest"), began) if left and row["oldest"] else 0, reasons.WAITS_LEFT(number=left)),
        (max(_number(row, "unclaimed_since"), began) if unclaimed else 0, reasons.WAITS_UNCLAIMED(number=unclaimed)),
    ]
    waiting = [each for each in found if each[0]]
    if not waiting:
        return Backlog(Microseconds(0), None)
    oldest, why = min(waiting, key=lambda each: each[0])
    return Backlog(Microseconds(oldest), why)


def _number(row: Mapping[str, Value], name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0
