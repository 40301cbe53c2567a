"""The chart of messages a day by outcome: computes the position of each bar for the template that draws it.

Outcomes differ in pattern as well as in colour (Okabe and Ito's palette for the colour-blind), and each bar has its
number; a table below has the same figures.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.model import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.tracker.journal.daily_counts import Day

WIDTH: Final = 900
HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 6, 22, 30
_FILLED: Final = 0.72
"""Width of a bar, as a fraction of a day's width."""
_LEAST: Final = 2.0
"""Least height of a piece, so that a single message beside thousands is visible."""
_LINES: Final = 5
_LABELLED: Final = 99_999
"""The largest number that fits above a bar."""

OUTCOMES: Final = tuple(status.value for status in Status if status is not Status.DEFERRED)
"""The outcomes from the bottom of a bar to its top."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The piece of a bar for one outcome."""

    outcome: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A day. `label` is below it, "" for most; `number` above it, "" for none."""

    x: float
    middle: float
    top: float
    title: str
    label: str
    number: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart. `lines` are heights with their numbers; `totals` are messages by outcome, for outcomes that occur."""

    bars: tuple[Bar, ...]
    width: float
    """The width of a bar."""
    lines: tuple[tuple[float, int], ...]
    totals: tuple[tuple[str, int], ...]
    sentence: str
    """A description of the chart in a sentence."""


def chart(days: Sequence[Day]) -> Chart:
    """The chart of at least one day."""
    counts = sum((Counter(day.counts) for day in days), Counter[str]())
    totals = tuple((outcome, counts[outcome]) for outcome in OUTCOMES if counts[outcome])
    most = max(days, key=lambda day: day.total)
    step = _step(most.total)
    top = step * max(-(-most.total // step), 1)
    room = (WIDTH - _LEFT - _RIGHT) / len(days)
    floor = HEIGHT - _BOTTOM
    scale = (floor - _TOP) / top
    bars = tuple(_bar(day, place, len(days), room, scale) for place, day in enumerate(days))
    lines = tuple((round(floor - number * scale, 1), number) for number in range(0, top + 1, step))
    return Chart(bars, round(room * _FILLED, 1), lines, totals, _sentence(days, most, totals))


def _bar(day: Day, place: int, days: int, room: float, scale: float) -> Bar:
    x = _LEFT + place * room + room * (1 - _FILLED) / 2
    bottom = float(HEIGHT - _BOTTOM)
    pieces = []
    for outcome in OUTCOMES:
        number = day.counts.get(outcome, 0)
        if number:
            height = max(number * scale, _LEAST)
            bottom -= height
            pieces.append(Piece(outcome, round(bottom, 1), round(height, 1)))
    middle = round(x + room * _FILLED / 2, 1)
    # The newest day has a label, and every fifth day before it.
    label = said(day) if (days - 1 - place) % 5 == 0 else ""
    above = str(day.total) if 0 < day.total <= _LABELLED else ""
    words = ", ".join(f"{day.counts[outcome]} {outcome}" for outcome in OUTCOMES if day.counts.get(outcome))
    title = f"{said(day)}: {words or 'no mail'}"
    return Bar(round(x, 1), middle, round(bottom, 1), title, label, above, tuple(pieces))


def said(day: Day) -> str:
    """The day for people, such as `22 Nov`."""
    return f"{day.date.day} {day.date:%b}"


def _step(most: int) -> int:
    """Distance between two lines: 1, 2 or 5 times a power of ten, so that there are few lines."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * _LINES >= most:
                return step * factor
        step *= 10


def _sentence(days: Sequence[Day], most: Day, totals: Sequence[tuple[str, int]]) -> str:
    number = sum(count for _, count in totals)
    span = f"From {said(days[0])} to {said(days[-1])}"
    if not number:
        return f"{span} there was no mail."
    words = ", ".join(f"{count} {outcome}" for outcome, count in totals)
    return f"{span}: {number} {'mail' if number == 1 else 'mails'} ({words}); the most, {most.total}, on {said(most)}."
