"""Spans of time in words."""

from __future__ import annotations

import pytest

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.transaction import SECOND


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7200, "2 hours"),
        (172_800, "2 days"),
    ],
)
def test_spans_are_said_in_one_unit(seconds: int, said: str) -> None:
    """The largest of which there are two."""
    assert lasting(Microseconds(seconds * SECOND)) == said
