"""How the time of some work grows with its size: a machine that is slow or busy changes both sides of a ratio."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LINEAR: Final = 3.0
"""t(2n) / t(n) for work that is linear, with room for a machine that does something else beside it; a square has 4."""
_TRIES: Final = 6
_TOO_LITTLE: Final = 0.01
"""Seconds of the processor in which no growth can be told."""


def growth(work: Callable[[int], object], size: int) -> float:
    """t(2n) / t(n) in time of the processor, of which other programs take none, for the `size` n.

    What takes next to no time does not grow. The least of several tries counts, since interruptions only add.
    """
    once = twice = float("inf")
    for _ in range(_TRIES):
        once, twice = min(once, _seconds(work, size)), min(twice, _seconds(work, 2 * size))
        if twice < _TOO_LITTLE or twice / once < LINEAR:
            break
    return 1.0 if twice < _TOO_LITTLE else twice / once


def _seconds(work: Callable[[int], object], size: int) -> float:
    began = time.process_time()
    work(size)
    return time.process_time() - began
