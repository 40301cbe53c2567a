"""record: queues in tables, whose rows workers take with a lease and try again after growing delays.

A row is open until its work is done. See `lease` for how a worker takes it, and keeps it from others. After a failure
the row waits: `Terms.backoff` has the delay after each failed attempt.

Columns of such a table, besides those of `lease`: `attempts`, `retry_at`, `failure`. Deliveries are no such queue, as
they have states of their own, but their leases are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.lease import DUE, END, HELD, OVER, TAKE, TAKE_AS
from trac_mailintake.tracker.db.transaction import now, temporary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.tracker.db.lease import Terms
    from trac_mailintake.tracker.db.transaction import Connection

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
        sql = f"SELECT id FROM {self.table} WHERE {self.open} AND {DUE} AND {OVER} LIMIT 1"
        return bool(env.db_query(sql, (*self.terms.due(), *self.terms.over())))

    def due(
        self, env: Environment, also: str = "", arguments: Sequence[object] = (), *, force: bool = False
    ) -> list[int]:
        """The ids of the rows that nobody holds and that are due (`force`: due or not). Raises TemporaryFailure.

        `also` is a further condition in SQL, with its `arguments`. Another worker may claim a row before this one does.
        """
        moments = _ALWAYS if force else self.terms.due()
        where = f"{self.open} AND {DUE} AND {OVER}{also and f' AND {also}'}"
        sql = f"SELECT id FROM {self.table} WHERE {where} ORDER BY id"
        with temporary(env):
            return [row for (row,) in env.db_query(sql, (*moments, *self.terms.over(), *arguments))]

    def claim(self, db: Connection, row: int, owner: str = "", *, force: bool = False) -> bool:
        """Claim a row. Returns False if it is done, another worker holds it, or it waits (which `force` ignores)."""
        take, owners = (TAKE_AS, (owner,)) if self.owned else (TAKE, ())
        moments = _ALWAYS if force else self.terms.due()
        return _changed(
            db,
            f"UPDATE {self.table} SET {take}, attempts=attempts+1 WHERE id=%s AND {self.open} AND {DUE} AND {OVER}",
            (*owners, self.terms.expiry(), row, *moments, *self.terms.over()),
        )

    def failed(self, db: Connection, claimed: Claimed, why: str) -> bool:
        """End a claim after a failed attempt. Returns False if it is no longer ours."""
        return _changed(
            db,
            f"UPDATE {self.table} SET {END}, retry_at=%s, failure=%s WHERE {HELD}",
            (self.terms.retry_at(claimed.attempts), why, claimed.id, claimed.fence),
        )

    def postponed(self, db: Connection, claimed: Claimed, until: Microseconds, also: str = "") -> bool:
        """End a claim without an attempt; the next one is due at `until`. Returns False if it is no longer ours.

        `also` sets further columns: an SQL assignment without placeholders.
        """
        return _changed(
            db,
            f"UPDATE {self.table} SET {END}, attempts=0, retry_at=%s{also and f', {also}'} WHERE {HELD}",
            (until, claimed.id, claimed.fence),
        )

    def finished(self, db: Connection, claimed: Claimed, *, fenced: bool = True) -> bool:
        """Note that the work is done. Returns False if the claim is no longer ours, unless it is not `fenced`."""
        which, held = (HELD, (claimed.id, claimed.fence)) if fenced else ("id=%s", (claimed.id,))
        return _changed(
            db,
            f"UPDATE {self.table} SET {END}, {self.done}=%s, failure=NULL WHERE {which}",
            (now(), *held),
        )


def _changed(db: Connection, sql: str, arguments: Sequence[object]) -> bool:
    cursor = db.cursor()
    cursor.execute(sql, arguments)
    return cursor.rowcount == 1
