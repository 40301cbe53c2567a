"""What a round came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trac_mailintake.intake import reasons
from trac_mailintake.intake.failures import Cause, Deferred, Undecided, Waiting
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.ports import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trac_mailintake.intake.errors import Fault
    from trac_mailintake.intake.model import Delivery

    Progress = Callable[[int, int], None]

Result = Recorded | Undecided
"""What became of a delivery in a round."""


@dataclass(slots=True)
class Report:
    """The result of a round. Mutable, unlike the other values here; one for each round.

    `error`: why the source could not be used, even if only to dispose of copies. `down`: why the round ended early
    because of a failure of ours.
    `remaining`: messages left in the mailbox because the time was up.
    `overrun`: why the service must stop, or "".
    `decided`: whether the plugins decided about a mail, and none failed over it.
    `undisposed`: all mail was filed, and `error` is only about the mailbox's copies.
    `doubtful`: which messages could not be compared with known ones, and why; "" if none.
    `progress` is called with the numbers of messages that are done and that are listed.
    """

    counts: Counter[Status] = field(default_factory=Counter)
    listed: int = 0
    error: str = ""
    down: str = ""
    remaining: int = 0
    overrun: str = ""
    undisposed: bool = False
    doubtful: str = ""
    decided: bool = False
    progress: Progress | None = None
    _deferred: dict[int, Deferred | Waiting] = field(default_factory=dict, init=False)
    """By id."""

    @property
    def deferred(self) -> list[Deferred | Waiting]:
        """The deferred deliveries."""
        return list(self._deferred.values())

    @property
    def faults(self) -> list[Fault]:
        """What an administrator must fix, one for each delivery that is still deferred for it."""
        return [fault for _, fault in self.faulty]

    @property
    def faulty(self) -> list[tuple[Delivery, Fault]]:
        """The deliveries that are still deferred for what an administrator must fix, each with that."""
        found = [each for each in self.deferred if isinstance(each, Deferred)]
        return [(each.delivery, each.fault) for each in found if each.fault is not None]

    def add(self, results: Iterable[Result]) -> None:
        """Count what became of deliveries, of each the last; what another worker has taken over is that worker's."""
        before = self.counts.total()
        for each in results:
            if self._deferred.pop(each.delivery.id, None) is not None:
                self.counts[Status.DEFERRED] -= 1
            match each:
                case Recorded():
                    self.counts[each.outcome.status] += 1
                    self.decided = self.decided or each.outcome.rule not in reasons.UNASKED
                case Deferred() | Waiting():
                    self.counts[Status.DEFERRED] += 1
                    self._deferred[each.delivery.id] = each
                    if each.cause is Cause.DOWN:
                        self.down = each.reason
        if self.progress is not None and self.counts.total() > before:
            self.progress(self.counts.total(), self.listed)
