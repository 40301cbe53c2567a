"""Counts messages a day by outcome, using only the index of service and time.

Days are those of the viewer's time zone, so the database counts quarters of an hour: all time zones start days at one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from trac.util.datefmt import from_utimestamp

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.transaction import DAY, MINUTE, now
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.lifecycle.states import DECIDED, State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, tzinfo

    from trac.env import Environment

DAYS: Final = 30
_QUARTER: Final = Microseconds(15 * MINUTE)


@dataclass(frozen=True, slots=True)
class Day:
    """One day; `counts` are numbers of messages by their present outcome, on the day when that was recorded."""

    date: date
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All of the day's mails."""
        return sum(self.counts.values())


def daily(env: Environment, zone: tzinfo, service: str = "", days: int = DAYS) -> tuple[Day, ...]:
    """The last `days` days of a service ("": of all), ending with today."""
    today = datetime.now(UTC).astimezone(zone).date()
    counted = {today - timedelta(days=before): Counter[str]() for before in reversed(range(days))}
    since = now() - (days + 1) * DAY
    for each in [service] if service else Journal(env).names():
        rows = env.db_query(
            f"""SELECT state, recorded - recorded %% {_QUARTER} AS quarter, COUNT(*) FROM mailintake_delivery
                WHERE service=%s AND recorded>=%s GROUP BY state, recorded - recorded %% {_QUARTER}""",
            (each, since),
        )
        for state, quarter, number in rows:
            when = from_utimestamp(quarter).astimezone(zone).date()
            if when in counted and State(state) in DECIDED:
                counted[when][state] += number
    return tuple(Day(when, dict(counts)) for when, counts in counted.items())
