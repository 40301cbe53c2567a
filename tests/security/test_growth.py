"""What reads strangers' words takes four times as long for four times as much, and no more: see `growing`."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.security import growing
from tests.security.patience import patience

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES: Final = tuple(growing.shapes())
ENOUGH: Final = 0.02
"""Seconds of the processor from which on a growth can be told."""
GROWTH: Final = 6.0
CEILING: Final = 6.0
"""Seconds of the processor for as much as a scanner is ever given."""
STEP: Final = 4
STEPS: Final = 4
TRIES: Final = 12


@pytest.fixture(autouse=True, scope="module")
def _alone() -> Iterator[None]:
    """Full collections pass over what the reader made, not over the hundred thousands of objects of other tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_time_grows_with_the_length(shape: growing.Shape) -> None:
    """t(4n) / t(n) < 6, measured where t(n) is 20 ms or more; where it never is, less than a bound at the cap."""
    length = shape.scanner.cap // STEP**STEPS
    with patience():
        while (seconds := _seconds(shape, length)) < ENOUGH and length < shape.scanner.cap:
            length = min(length * STEP, shape.scanner.cap)
        if length * STEP > shape.scanner.cap:
            assert min(seconds, *(_seconds(shape, length) for _ in range(2))) < shape.scanner.bound
        else:
            growth, longer = _growth(shape, length, seconds)
            assert growth < GROWTH
            reckoned = longer * shape.scanner.cap / (length * STEP)
            assert reckoned < CEILING or _seconds(shape, shape.scanner.cap) < CEILING


def _growth(shape: growing.Shape, length: int, seconds: float) -> tuple[float, float]:
    """How many times as long it takes for four times as much, and how long: the least, as a busy machine adds to it."""
    least = _seconds(shape, length * STEP)
    for _ in range(TRIES):
        if least / seconds < GROWTH:
            break
        least = min(least, _seconds(shape, length * STEP))
        seconds = min(seconds, _seconds(shape, length))
    return least / seconds, least


def _seconds(shape: growing.Shape, length: int) -> float:
    text = shape.text(length)
    began = time.process_time()
    shape.scanner.read(text)
    return time.process_time() - began


def test_there_are_hundreds_of_shapes() -> None:
    """Of all grammars; and a scanner that grows with the square of its input would be told."""
    assert len(SHAPES) > 200

    def slow(text: str) -> object:
        return [sum(map(ord, text[at:])) for at in range(0, len(text), 4)]

    with pytest.raises(AssertionError):
        test_time_grows_with_the_length(growing.Shape(growing.Scanner("slow", slow, 16 * 1024, ("a",)), "a"))
