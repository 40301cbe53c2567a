"""record: lets a run wait for a silent outgoing server once, not for each message."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Patience:
    """Stops further sends in this run after one send failed after more than `seconds`.

    A refusal is immediate, but a silent server would cost one time-out for each message while incoming mail waits.
    Unsent mail stays due, and the next run begins with it.
    """

    seconds: Seconds = Seconds(10.0)
    lost: bool = False

    def spend(self, send: Callable[[], bool]) -> bool:
        """Call `send` and return whether it succeeded; return False without an attempt once a send has timed out."""
        if self.lost:
            return False
        began = Seconds(time.monotonic())
        sent = send()
        self.waited(began, sent=sent)
        return sent

    def waited(self, began: Seconds, *, sent: bool) -> None:
        """Note the end of an attempt that began at `began` (a `time.monotonic()`)."""
        self.lost = self.lost or (not sent and time.monotonic() - began > self.seconds)
