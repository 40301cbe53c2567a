"""What has waited the longest of a service, and why."""

from __future__ import annotations

import pytest

from trac_mailintake.intake import reasons
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config.backlog import backlog

NOTHING = {"created": 10, "resumed": 5, "waiting": 0, "oldest": 0, "unclaimed": 0, "unclaimed_since": 0}


@pytest.mark.parametrize(
    ("row", "undecided", "since", "why"),
    [
        ({}, (0, 0), 0, None),
        ({}, (2, 30), 30, reasons.WAITS_UNDECIDED(number=2)),
        ({}, (2, 0), 0, None),
        ({"waiting": 3, "oldest": 20}, (2, 30), 20, reasons.WAITS_LEFT(number=3)),
        ({"waiting": 3, "oldest": 0}, (0, 0), 0, None),
        ({"waiting": 0, "oldest": 20}, (0, 0), 0, None),
        ({"waiting": 3, "oldest": 2}, (0, 0), 10, reasons.WAITS_LEFT(number=3)),
        ({"unclaimed": 4, "unclaimed_since": 15}, (2, 30), 15, reasons.WAITS_UNCLAIMED(number=4)),
        ({"unclaimed": 4, "unclaimed_since": 15, "resumed": 25}, (2, 20), 25, reasons.WAITS_UNDECIDED(number=2)),
        ({"unclaimed": None, "unclaimed_since": None}, (0, 0), 0, None),
    ],
)
def test_the_oldest_counts(row: dict[str, int | None], undecided: tuple[int, int], since: int, why: object) -> None:
    """But no mail has waited for longer than its service could have taken it. Rows of an upgrade may say nothing."""
    number, first = undecided
    found = backlog({**NOTHING, **row}, number, Microseconds(first))
    assert (found.since, found.why) == (since, why)
