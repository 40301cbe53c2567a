"""record: leases, by which one worker at a time has a row (docs/behaviour.md#claims-and-leases).

A worker takes a row with one UPDATE, which raises the row's fencing number and sets its lease. Until the lease is over
nobody else gets the row, and a worker that dies simply never ends its claim. Later writes compare the fencing number: a
worker whose lease ended, and whose row another one has taken, changes nothing.

The columns of a table with leases are `fence` and `lease`, and `owner` if it says which worker that is. `Terms` says
how long a lease lasts and how long a row waits after a failure. The constants are parts of SQL statements; each says
which values its placeholders need. Which rows may be taken at all is the business of the table: see `leased_queue` for
work that is open or done, and `lifecycle.transitions` for deliveries.

Times are compared as in `clock`, so that a clock that was ahead delays nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.clock import ahead, reached, span
from trac_mailintake.tracker.db.transaction import HOUR, now

OVER: Final = reached("lease")
"""Condition: nobody has the row. Values: `Terms.over`."""
DUE: Final = reached("retry_at")
"""Condition: the row does not wait for its next attempt. Values: `Terms.due`."""
TAKE: Final = "fence=fence+1, lease=%s"
"""Assignments by which a worker takes a row. Value: `Terms.expiry`."""
TAKE_AS: Final = f"owner=%s, {TAKE}"
"""Likewise, in a table with owners. Values: the worker, `Terms.expiry`."""
HELD: Final = "id=%s AND fence=%s"
"""Condition: nobody has taken the row since. Values: its id, the fencing number of the claim."""
HELD_AS: Final = f"{HELD} AND owner=%s"
"""Likewise, in a table with owners, which may be set free without being taken. Values: `Hold.values`."""
EXTEND: Final = "lease=CASE WHEN lease=%s THEN lease+1 ELSE %s END"
"""Assignment that extends a lease, and changes it even if the clock stands still: MariaDB counts what it changed.

Values: `Terms.extension`.
"""
END: Final = "lease=0"
"""Assignment that ends a claim."""
END_AS: Final = f"owner=NULL, {END}"
"""Likewise, in a table with owners."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A worker's claim on a row: no other worker has had the row since if its fencing number is still the same."""

    row: int
    owner: str
    fence: int

    @property
    def values(self) -> tuple[int, int, str]:
        """The values of `HELD_AS`."""
        return self.row, self.fence, self.owner


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long a claim holds without being extended, and the delays after failures; the last delay repeats."""

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
        """When a claim that begins or is extended now ends."""
        return Microseconds(now() + self.lease)

    def extension(self) -> tuple[Microseconds, Microseconds]:
        """The values of `EXTEND`."""
        expiry = self.expiry()
        return expiry, expiry

    def holds(self, lease: Microseconds, *, alive: bool | None = None) -> bool:
        """Whether the claim with this lease still holds.

        `alive`: whether its worker lives, which decides; None if nobody here can tell. See `workers`.
        """
        return ahead(lease, self.latest) if alive is None else alive

    def waits(self, retry_at: Microseconds) -> bool:
        """Whether a row with this `retry_at` waits for its next attempt."""
        return ahead(retry_at, self.longest)

    def over(self) -> tuple[Microseconds, Microseconds]:
        """The values of `OVER`."""
        return span(self.latest)

    def due(self) -> tuple[Microseconds, Microseconds]:
        """The values of `DUE`."""
        return span(self.longest)

    def retry_at(self, attempts: int) -> Microseconds:
        """When to try again after so many failed attempts, at least 1."""
        return Microseconds(now() + self.backoff[min(attempts, len(self.backoff)) - 1])
