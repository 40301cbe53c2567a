"""record: compares stored times so that a clock that was ahead cannot delay anything.

If the clock was ahead and has been set back, stored times would keep mail waiting for as long as it was ahead. So a
time further in the future than intake ever sets counts as reached.
"""

from __future__ import annotations

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.transaction import now


def ahead(moment: Microseconds, longest: Microseconds) -> bool:
    """Whether `moment` is in the future, but no more than `longest` away."""
    present = now()
    return present < moment <= present + longest


def lately(then: Microseconds, moment: Microseconds, within: Microseconds) -> bool:
    """Whether `then` is at most `within` before `moment`, and not after it."""
    return moment - within < then <= moment


def reached(column: str) -> str:
    """SQL with two placeholders for `span`: whether the time in `column` is reached."""
    return f"({column}<=%s OR {column}>%s)"


def span(longest: Microseconds) -> tuple[Microseconds, Microseconds]:
    """The arguments of `reached`: now, and the latest time that can have been set correctly."""
    present = now()
    return present, Microseconds(present + longest)
