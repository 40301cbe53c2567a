"""Work that takes too long is not waited for."""

from __future__ import annotations

import threading

import pytest

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs.time_limit import within


def test_work_that_takes_too_long_is_not_waited_for() -> None:
    """And what it raises or returns in time comes through."""
    over = threading.Event()
    with pytest.raises(SourceError, match="too slow"):
        within(Seconds(0.2), over.wait)
    assert not over.is_set()
    over.set()
    assert within(Seconds(60), lambda: 12) == 12
    with pytest.raises(ZeroDivisionError):
        within(Seconds(60), lambda: 1 // 0)
