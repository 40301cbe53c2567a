"""Fills `mailintake_delivery.state` from the columns that said the same before there was a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trac_mailintake.tracker.db.transaction import Connection

_STATE: Final = """\
CASE WHEN COALESCE({outcome}, '')<>'' THEN {outcome}
WHEN COALESCE(archive, '')<>'' THEN CASE WHEN owner IS NULL THEN 'held' ELSE 'reclaimed' END
WHEN owner IS NOT NULL THEN 'claimed'
WHEN failure IS NOT NULL THEN 'deferred'
ELSE 'free' END"""
"""The states as words: those of `lifecycle.states` may change later, but not what this step makes."""


def fill_states(db: Connection, outcome: str = "outcome") -> None:
    """Fill the states that are still empty. The table has `state` by now, and still the column `outcome`.

    A row without an outcome whose bytes were archived was held before, and had been taken out of quarantine.
    It can be called again at any point, for example after the step died.
    """
    db(f"UPDATE mailintake_delivery SET state={_STATE.format(outcome=outcome)} WHERE COALESCE(state, '')=''")
