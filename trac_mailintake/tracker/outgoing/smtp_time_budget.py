"""record: how long a run waits for the outgoing server: once, and not for each mail anew."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Patience:
    """The patience of one run. It is `lost` when a mail failed after a wait of more than `seconds`.

    A server that refuses says so at once; one that is silent costs a time-out for each mail, while mail that came in
    waits. What is not sent is owed, and the next run begins with it.
    """

    seconds: float = 10.0
    lost: bool = False

    def spend(self, send: Callable[[], bool]) -> bool:
        """Whether it was sent; false without an attempt when patience is lost."""
        if self.lost:
            return False
        began = time.monotonic()
        sent = send()
        self.waited(began, sent=sent)
        return sent

    def waited(self, began: float, *, sent: bool) -> None:
        """An attempt that began then (`time.monotonic()`) is over."""
        self.lost = self.lost or (not sent and time.monotonic() - began > self.seconds)
