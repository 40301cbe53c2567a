"""The picture of mails a day by outcome: where each bar lies, for the template that draws it.

An outcome is told by its pattern as well as by its colour (Okabe and Ito's, which the colour-blind tell apart), each
bar by its number; the same figures stand in a table below.
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
"""Of the room that a day has."""
_LEAST: Final = 2.0
"""A single mail beside thousands is seen, too."""
_LINES: Final = 5
_LABELLED: Final = 99_999
"""A larger number does not fit above its bar."""

OUTCOMES: Final = tuple(status.value for status in Status if status is not Status.DEFERRED)
"""From the bottom of a bar to its top."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one outcome has of a bar."""

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
    """The whole. `lines` are heights with their numbers; `totals` the outcomes that there are, with their mails."""

    bars: tuple[Bar, ...]
    width: float
    """Of a bar."""
    lines: tuple[tuple[float, int], ...]
    totals: tuple[tuple[str, int], ...]
    sentence: str
    """What there is to see."""


def chart(days: Sequence[Day]) -> Chart:
    """The picture of these days, of which there is at least one."""
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
    # The newest day has its label, and every fifth before it.
    label = said(day) if (days - 1 - place) % 5 == 0 else ""
    above = str(day.total) if 0 < day.total <= _LABELLED else ""
    words = ", ".join(f"{day.counts[outcome]} {outcome}" for outcome in OUTCOMES if day.counts.get(outcome))
    title = f"{said(day)}: {words or 'no mail'}"
    return Bar(round(x, 1), middle, round(bottom, 1), title, label, above, tuple(pieces))


def said(day: Day) -> str:
    """`22 Nov`."""
    return f"{day.date.day} {day.date:%b}"


def _step(most: int) -> int:
    """Between two lines: 1, 2 or 5 with noughts, so that there are few lines."""
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
