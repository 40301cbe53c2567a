"""Waiting for what has to happen, with an end for the case that it does not.

A test never says how soon something happens: on a busy machine that is later. It waits for the fact, and a limit is
only there so that a failure comes to an end. `tests/house/test_clocks.py` lists who looks at a clock besides, and why.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

PATIENCE: Final = 120.0
"""Seconds: far beyond what anything takes that is waited for."""
_PAUSE: Final = 0.02


class WaitedInVainError(AssertionError):
    """It has not happened within the time; says what."""


def until(fact: Callable[[], T], *, seconds: float = PATIENCE, what: str = "it has not happened") -> T:
    """What `fact` returns as soon as that is true. Raises WaitedInVainError with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := fact()):
        if time.monotonic() > end:
            raise WaitedInVainError(f"{what}, for {seconds:g} s")
        time.sleep(_PAUSE)
    return found


@contextmanager
def hang_guard(seconds: float) -> Iterator[None]:
    """Raises WaitedInVainError after a block that took longer: for what would take a multiple of `seconds` if it hung.

    Use it only where nothing but the time tells that the code waited in vain.
    """
    began = time.monotonic()
    yield
    if (took := time.monotonic() - began) > seconds:
        raise WaitedInVainError(f"it took {took:.0f} s, as if it hung; the limit is {seconds:g} s")
