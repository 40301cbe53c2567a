"""The picture of mails a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from trac_mailintake.components.panels.status.chart import HEIGHT, WIDTH, chart
from trac_mailintake.tracker.journal.daily_counts import Day


def days(*counts: dict[str, int]) -> list[Day]:
    """Days in a row, the last one today."""
    today = datetime.now(UTC).date()
    return [Day(today - timedelta(days=len(counts) - 1 - place), each) for place, each in enumerate(counts)]


@pytest.mark.parametrize("most", [0, 1, 4, 5, 6, 9, 10, 37, 101, 999, 12_345, 1_000_000])
def test_bars_stay_within_the_picture(most: int) -> None:
    """Whatever the numbers: few lines, the highest above the highest bar, and the least mail is seen."""
    found = chart(days({"created": most} if most else {}, {"held": 1, "created": most}, {}))
    assert 2 <= len(found.lines) <= 6
    assert found.lines[-1][1] >= most
    for bar in found.bars:
        assert bar.top >= 14
        assert 0 < bar.x < WIDTH - found.width
        for piece in bar.pieces:
            assert piece.height >= 2
            assert piece.y + piece.height <= HEIGHT


def test_the_sentence_names_the_busiest_day() -> None:
    """In words, for who hears it."""
    found = chart([Day(date(2026, 11, 1), {"created": 2, "held": 1}), Day(date(2026, 11, 2), {"created": 1})])
    assert found.sentence == "From 1 Nov to 2 Nov: 4 mails (3 created, 1 held); the most, 3, on 1 Nov."
    assert found.bars[0].title == "1 Nov: 2 created, 1 held"
