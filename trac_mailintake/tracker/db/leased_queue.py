"""record: queues in tables, whose rows workers claim for a while and try again after growing delays.

A row is open until its work is done. A worker claims an open row with one UPDATE, which raises the row's fencing number
and sets its lease. Until the lease is over nobody else gets the row; a worker that dies simply never ends its claim.
Later writes check the fencing number: a worker whose lease ended, and whose row another one has claimed, changes
nothing. After a failure the row waits: `backoff` has the delay after each failed attempt.

Columns of such a table: `fence`, `lease`, `attempts`, `retry_at`, `failure`; `owner` if the queue is `owned`.

Times are compared as in `clock`, so that a clock that was ahead delays nothing. Deliveries have states of their own,
but the same `Terms`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.clock import ahead, reached, span
from trac_mailintake.tracker.db.transaction import HOUR, now, temporary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.tracker.db.transaction import Connection

LEASE_OVER: Final = reached("lease")
"""SQL with placeholders for `Terms.lease_over`: nobody holds the row."""
RETRY_DUE: Final = reached("retry_at")
"""SQL with placeholders for `Terms.retry_due`: the row does not wait for its next attempt."""
_ALWAYS: Final = (Microseconds(2**62), Microseconds(2**62))
"""Arguments with which any time is reached."""


class Claimed(Protocol):
    """A claimed row, as it is after its claim."""

    @property
    def id(self) -> int:
        """The row."""

    @property
    def fence(self) -> int:
        """The claim's fencing number."""

    @property
    def attempts(self) -> int:
        """How often the row was claimed, including this time."""


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long a claim holds without renewal, and the delays after failures; the last delay repeats."""

    lease: Microseconds
    backoff: tuple[Microseconds, ...]

    @property
    def longest(self) -> Microseconds:
        """Longer than any row waits: a later `retry_at` was set by a clock that was ahead."""
        return Microseconds(max(self.backoff) + HOUR)

    @property
    def latest(self) -> Microseconds:
        """Longer than any lease: a later one was set by a clock that was ahead, and by more than clocks usually differ.

        The clock of another host may be a little ahead, or this one may just have been set back: the claim holds.
        """
        return Microseconds(self.lease + HOUR)

    def expiry(self) -> Microseconds:
        """When a claim that begins or is renewed now ends."""
        return Microseconds(now() + self.lease)

    def holds(self, lease: Microseconds) -> bool:
        """Whether the claim with this lease still holds."""
        return ahead(lease, self.latest)

    def waits(self, retry_at: Microseconds) -> bool:
        """Whether a row with this `retry_at` waits for its next attempt."""
        return ahead(retry_at, self.longest)

    def lease_over(self) -> tuple[Microseconds, Microseconds]:
        """The arguments of `LEASE_OVER`."""
        return span(self.latest)

    def retry_due(self) -> tuple[Microseconds, Microseconds]:
        """The arguments of `RETRY_DUE`."""
        return span(self.longest)

    def retry_at(self, attempts: int) -> Microseconds:
        """When to try again after so many failed attempts, at least 1."""
        return Microseconds(now() + self.backoff[min(attempts, len(self.backoff)) - 1])


@dataclass(frozen=True, slots=True)
class LeasedQueue:
    """The open rows of `table`: those whose column `done` is 0, which is the time when the work was done afterwards.

    `only` is a further condition in SQL, if not all rows of the table are work. `owned` says whether the table has a
    column `owner`. Methods that take a connection work in its transaction.
    """

    table: str
    done: str
    terms: Terms
    only: str = ""
    owned: bool = False

    @property
    def open(self) -> str:
        """SQL: whether the row is open."""
        return f"{self.done}=0" + (f" AND {self.only}" if self.only else "")

    def waiting(self, env: Environment) -> int:
        """The number of open rows. Raises TemporaryFailure."""
        with temporary(env):
            return int(env.db_query(f"SELECT COUNT(*) FROM {self.table} WHERE {self.open}")[0][0])

    def any_due(self, env: Environment) -> bool:
        """Whether a row is due, and nobody holds it; one index look-up."""
        sql = f"SELECT id FROM {self.table} WHERE {self.open} AND {RETRY_DUE} AND {LEASE_OVER} LIMIT 1"
        return bool(env.db_query(sql, (*self.terms.retry_due(), *self.terms.lease_over())))

    def due(
        self, env: Environment, also: str = "", arguments: Sequence[object] = (), *, force: bool = False
    ) -> list[int]:
        """The ids of the rows that nobody holds and that are due (`force`: due or not). Raises TemporaryFailure.

        `also` is a further condition in SQL, with its `arguments`. Another worker may claim a row before this one does.
        """
        moments = _ALWAYS if force else self.terms.retry_due()
        where = f"{self.open} AND {RETRY_DUE} AND {LEASE_OVER}{also and f' AND {also}'}"
        sql = f"SELECT id FROM {self.table} WHERE {where} ORDER BY id"
        with temporary(env):
            return [row for (row,) in env.db_query(sql, (*moments, *self.terms.lease_over(), *arguments))]

    def claim(self, db: Connection, row: int, owner: str = "", *, force: bool = False) -> bool:
        """Claim a row. Returns False if it is done, another worker holds it, or it waits (which `force` ignores)."""
        owned, owners = ("owner=%s, ", (owner,)) if self.owned else ("", ())
        moments = _ALWAYS if force else self.terms.retry_due()
        return _changed(
            db,
            f"UPDATE {self.table} SET {owned}fence=fence+1, lease=%s, attempts=attempts+1 "
            f"WHERE id=%s AND {self.open} AND {RETRY_DUE} AND {LEASE_OVER}",
            (*owners, self.terms.expiry(), row, *moments, *self.terms.lease_over()),
        )

    def failed(self, db: Connection, claimed: Claimed, why: str) -> bool:
        """End a claim after a failed attempt. Returns False if it is no longer ours."""
        return _changed(
            db,
            f"UPDATE {self.table} SET lease=0, retry_at=%s, failure=%s WHERE id=%s AND fence=%s",
            (self.terms.retry_at(claimed.attempts), why, claimed.id, claimed.fence),
        )

    def postponed(self, db: Connection, claimed: Claimed, until: Microseconds, also: str = "") -> bool:
        """End a claim without an attempt; the next one is due at `until`. Returns False if it is no longer ours.

        `also` sets further columns: an SQL assignment without placeholders.
        """
        return _changed(
            db,
            f"UPDATE {self.table} SET lease=0, attempts=0, retry_at=%s{also and f', {also}'} WHERE id=%s AND fence=%s",
            (until, claimed.id, claimed.fence),
        )

    def finished(self, db: Connection, claimed: Claimed, *, fenced: bool = True) -> bool:
        """Note that the work is done. Returns False if the claim is no longer ours, unless it is not `fenced`."""
        mine, fence = (" AND fence=%s", (claimed.fence,)) if fenced else ("", ())
        return _changed(
            db,
            f"UPDATE {self.table} SET lease=0, {self.done}=%s, failure=NULL WHERE id=%s{mine}",
            (now(), claimed.id, *fence),
        )


def _changed(db: Connection, sql: str, arguments: Sequence[object]) -> bool:
    cursor = db.cursor()
    cursor.execute(sql, arguments)
    return cursor.rowcount == 1
