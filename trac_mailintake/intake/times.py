"""The units of time. A type checker keeps them apart; at run time they are plain numbers and cost nothing.

Adding, subtracting and multiplying give an `int` or a `float` again. Say the unit where the result is returned or
passed on: `Microseconds(now() + LEASE)`.
"""

from __future__ import annotations

from typing import NewType

Microseconds = NewType("Microseconds", int)
"""A moment, since 1970 in UTC (0: never), as Trac and our tables store it; or the span between two moments."""

Seconds = NewType("Seconds", float)
"""A span, such as a time-out; or a moment of `time.monotonic()`, for deadlines within one process."""
