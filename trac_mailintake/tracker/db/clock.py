"""record: moments that are still to come, told from those that a wrong clock wrote down.

A clock may have been ahead, and be right again. What it said of the future would keep mail waiting for as long as it
was ahead; so a moment that lies farther off than anybody here ever sets one counts as reached.
"""

from __future__ import annotations

from typing import Final

from trac_mailintake.tracker.db.transaction import SECOND, now

LETTERS: Final = 5 * 3600 * SECOND
"""Longer than any letter of the outbox waits for its next attempt."""


def ahead(moment: int, longest: int) -> bool:
    """Whether a moment is still to come that was set at most `longest` microseconds before it."""
    present = now()
    return present < moment <= present + longest


def lately(then: int, moment: int, within: int) -> bool:
    """Whether something happened at most `within` microseconds before a moment, and not in its future."""
    return moment - within < then <= moment


def reached(column: str) -> str:
    """SQL, with two placeholders for `span`: whether the moment in a column has come."""
    return f"({column}<=%s OR {column}>%s)"


def span(longest: int) -> tuple[int, int]:
    """Now, and the farthest moment that anybody sets from here, for `reached`."""
    present = now()
    return present, present + longest
