"""Tells an idle run whether user accounts for newcomers are due; `account_creation` creates them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.clock import LETTERS, reached, span
from trac_mailintake.tracker.db.transaction import MINUTE

if TYPE_CHECKING:
    from trac.env import Environment

LEASE: Final = Microseconds(10 * MINUTE)
OWED: Final = f"username IS NOT NULL AND made=0 AND {reached('retry_at')} AND {reached('lease')}"
"""Which rows of `mailintake_contact`: SQL with placeholders for `moments`."""


def moments() -> tuple[Microseconds, Microseconds, Microseconds, Microseconds]:
    """For `OWED`: a letter may wait as long as an account, and none waits longer."""
    return (*span(LETTERS), *span(LEASE))


def owed(env: Environment) -> bool:
    """Whether an account is due now; one index look-up."""
    query = f"SELECT id FROM mailintake_contact WHERE {OWED} LIMIT 1"
    return bool(env.db_query(query, moments()))
