"""Durations in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.db.transaction import SECOND

if TYPE_CHECKING:
    from trac_mailintake.intake.times import Microseconds

_UNITS: Final = (("day", 86_400, 172_800), ("hour", 3600, 7200), ("minute", 60, 120), ("second", 1, 0))
"""Name of a unit, its seconds, and the number of seconds from which on it is used."""


def lasting(span: Microseconds) -> str:
    """`3 hours`, `90 minutes`, `1 second`: the largest unit of which there are two or more."""
    seconds = max(span, 0) // SECOND
    name, length = next((name, length) for name, length, least in _UNITS if seconds >= least)
    number = seconds // length
    return f"1 {name}" if number == 1 else f"{number} {name}s"
