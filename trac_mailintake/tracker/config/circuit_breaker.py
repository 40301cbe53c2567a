"""The circuit breaker: stops a service after the same failure several times in a row, and lets a pipe resume by itself.

A mailbox keeps its mail until an administrator enables the service again. But a mail server returns mail that it cannot
hand over. So a stopped pipe tries one mail every quarter of an hour, and resumes when that mail is taken.

All processes read from the service's row whether it has stopped, and what stopped it:

| `stopped` | `failures` | |
| --- | --- | --- |
| empty | any | it runs; since a mail last went well, so many faults of one kind were met. `failure` counts each kind |
| why | `ALIKE` or more | the breaker stopped it. For a pipe, `next_run` is when the next mail is tried |
| why | 0 | something else stopped it, such as `rate_service`: it waits for an administrator |

Each change of state is one UPDATE with the old state in its WHERE clause, so that only one process makes the change.
All methods of `CircuitBreaker` may raise TemporaryFailure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config.schedule import has_mailbox
from trac_mailintake.tracker.db.clock import ahead, reached, span
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.transaction import MINUTE, now, temporary, transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment

    from trac_mailintake.intake.settings import Value

ALIKE: Final = 5
"""Failures of the same kind, without a mail that goes well in between, after which a service stops."""

_KINDS: Final = 8
"""Kinds of failures that are counted for a service: those met last."""

APART: Final = Microseconds(15 * MINUTE)
"""Between two mails that a stopped pipe tries."""

_LONGEST: Final = Microseconds(2 * APART)
"""A try that lies farther off was set by a clock that was ahead. Twice: clocks of two processes differ a little."""

_PUSHED: Final = "server='' AND path=''"
"""SQL for a service that is handed its mail, and has nothing to fetch from."""
_OPEN: Final = f"stopped<>'' AND failures>={ALIKE}"
"""SQL for a service that the breaker stopped."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a service runs, and if not, why."""

    enabled: bool
    stopped: str
    failures: int
    next_run: Microseconds
    pushed: bool
    """Whether a mail server hands it its mail."""

    @classmethod
    def of(cls, row: Mapping[str, Value]) -> Self:
        """The standing of a stored service; for `row` see `Services.rows`."""
        failures, next_run = (int(str(row[name] or 0)) for name in ("failures", "next_run"))
        pushed = not has_mailbox(row)
        return cls(bool(row["enabled"]), str(row["stopped"] or ""), failures, Microseconds(next_run), pushed)

    @property
    def tries(self) -> bool:
        """Whether the service has stopped, but tries a mail from time to time."""
        return bool(self.stopped) and self.failures >= ALIKE and self.pushed

    @property
    def may_try(self) -> bool:
        """Whether the service may try the next mail; another process may be quicker, see `CircuitBreaker.try_one`."""
        return self.tries and not ahead(self.next_run, _LONGEST)

    @property
    def why(self) -> str:
        """Why the service has stopped, and when it tries again; "" while it runs."""
        if not self.tries:
            return self.stopped
        wait = lasting(Microseconds(self.next_run - now()))
        when = "the next one that comes" if self.may_try else f"the next one in {wait}"
        return f"{self.stopped.rstrip('.')}. It tries one mail every {lasting(APART)}, {when}."


class CircuitBreaker:
    """The breakers of an environment's services."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def standing(self, name: str) -> Standing | None:
        """The standing of the service, without calling a plugin; None if there is no service with this name."""
        columns = ("enabled", "stopped", "failures", "next_run", "server", "path")
        with temporary(self._env):
            rows = self._env.db_query(f"SELECT {', '.join(columns)} FROM mailintake_service WHERE name=%s", (name,))
        return Standing.of(dict(zip(columns, rows[0], strict=True))) if rows else None

    def failed(self, name: str, fault: str, alike: str = "") -> str:
        """Count a fault of a running service. Returns why it stops now; "" if it goes on, or had stopped before.

        `fault` is a sentence; `alike` is what it shares with others of its kind, the sentence itself unless given.
        """
        kind = alike or fault
        with transaction(self._env) as db:
            # It locks the row, so that no other process counts at the same time.
            db("UPDATE mailintake_service SET failures=failures WHERE name=%s AND stopped=''", (name,))
            rows = db("SELECT failure, failures FROM mailintake_service WHERE name=%s AND stopped=''", (name,))
            if not rows:
                return ""
            counts = _counted(rows[0][0] or "", rows[0][1] or 0, kind)
            db(
                "UPDATE mailintake_service SET failure=%s, failures=%s WHERE name=%s",
                (json.dumps(counts, ensure_ascii=False), max(counts.values()), name),
            )
            if counts[kind] < ALIKE:
                return ""
            why = f"{ALIKE} times in a row: {fault}" if len(counts) == 1 else f"{ALIKE} times, among others: {fault}"
            db(
                f"""UPDATE mailintake_service SET stopped=%s, next_run=CASE WHEN {_PUSHED} THEN %s ELSE next_run END
                    WHERE name=%s AND stopped=''""",
                (why, now() + APART, name),
            )
        return why

    def is_its_own(self, name: str, delivery: int) -> bool:
        """Whether a fault says something about this mail alone: since it was first seen, others were filed."""
        query = """SELECT filed.id FROM mailintake_delivery mine, mailintake_delivery filed
                   WHERE mine.id=%s AND mine.seen>0 AND filed.service=%s AND filed.recorded>mine.seen
                   AND filed.state IN ('created', 'commented') LIMIT 1"""
        with temporary(self._env):
            return bool(self._env.db_query(query, (delivery, name)))

    def worked(self, name: str) -> None:
        """Reset the count of faults after a mail was taken. A service that was stopped meanwhile stays stopped."""
        with transaction(self._env) as db:
            db("UPDATE mailintake_service SET failure='', failures=0 WHERE name=%s AND stopped=''", (name,))

    def stop(self, name: str, why: str) -> bool:
        """Stop the service until an administrator enables it. Returns False if it already waits for one.

        If the breaker had stopped it, this returns True, too: from now on the service does not even try a mail.
        """
        return self._change(f"stopped=%s, failure='', failures=0 WHERE name=%s AND (stopped='' OR {_OPEN})", why, name)

    def try_one(self, name: str) -> bool:
        """Claim this quarter of an hour's one try. Returns whether this process got it."""
        return self._change(
            f"next_run=%s WHERE name=%s AND enabled=1 AND {_PUSHED} AND {_OPEN} AND {reached('next_run')}",
            *(now() + APART, name, *span(_LONGEST)),
        )

    def resume(self, name: str) -> bool:
        """Run the service again, because it took the mail that it tried.

        Returns False if the service is disabled, runs already, or waits for an administrator.
        The tickets that `rate_service` has counted still count, since no administrator has enabled the service.
        """
        return self._change(f"stopped='', failure='', failures=0 WHERE name=%s AND enabled=1 AND {_OPEN}", name)

    def _change(self, sql: str, *arguments: object) -> bool:
        with transaction(self._env) as db:
            cursor = db.cursor()
            cursor.execute(f"UPDATE mailintake_service SET {sql}", arguments)
            return cursor.rowcount == 1


def _counted(stored: str, number: int, kind: str) -> dict[str, int]:
    """The faults by kind as stored, the one met last at the end, with another of this kind.

    The tables of version 1 have one kind, and its number apart from it.
    """
    try:
        before = json.loads(stored)
    except ValueError:
        before = {stored: number} if stored else {}
    counts = {str(each): int(often) for each, often in before.items()} if isinstance(before, dict) else {}
    counts[kind] = counts.pop(kind, 0) + 1
    return dict(list(counts.items())[-_KINDS:])
