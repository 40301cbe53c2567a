"""The line that says how a round went."""

from __future__ import annotations

import pytest

from trac_mailintake.runs.result import Ending, RoundResult


@pytest.mark.parametrize(
    ("counts", "error", "line"),
    [
        ({}, "", "support: no new mail"),
        ({"created": 3, "held": 1}, "", "support: 3 created, 1 held"),
        ({"created": 1}, "It broke.", "support: 1 created; It broke."),
        ({}, "It broke.", "support: It broke."),
    ],
)
def test_a_line_says_what_came_and_what_went_wrong(counts: dict[str, int], error: str, line: str) -> None:
    """Or that nothing did."""
    assert RoundResult("support", counts, error, Ending.WELL).line == line


def test_an_error_that_nobody_foresaw_is_a_failure() -> None:
    """With its kind, and where to look."""
    found = RoundResult.unexpected("support", KeyError("x"))
    assert (found.ending, found.counts) == (Ending.FAILED, {})
    assert found.line == "support: KeyError: 'x'. Trac's log has the traceback"
    assert max(Ending) is Ending.FAILED
