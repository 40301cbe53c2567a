"""A run waits for a silent outgoing server once."""

from __future__ import annotations

import time

from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.outgoing.smtp_time_budget import Patience


class Server:
    """Counts the attempts; each takes its time, and fails."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.attempts = 0

    def __call__(self) -> bool:
        """One attempt."""
        self.attempts += 1
        time.sleep(self.seconds)
        return False


def test_a_silent_server_is_asked_once() -> None:
    """After a long wait in vain nothing more is tried."""
    silent, patience = Server(0.2), Patience(Seconds(0.1))
    assert [patience.spend(silent) for _ in range(3)] == [False] * 3
    assert silent.attempts == 1


def test_a_server_that_refuses_is_asked_for_each_mail() -> None:
    """One recipient that it does not take says nothing of the others."""
    refusing, patience = Server(0), Patience(Seconds(5))
    assert [patience.spend(refusing) for _ in range(3)] == [False] * 3
    assert refusing.attempts == 3


def test_a_slow_server_is_borne_with() -> None:
    """What was sent was worth the wait."""
    patience = Patience(Seconds(0))
    assert [patience.spend(lambda: True) for _ in range(3)] == [True] * 3
