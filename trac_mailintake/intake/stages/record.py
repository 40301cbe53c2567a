"""record: a group of decisions in few transactions; if one fails, each is decided and recorded again by itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import NoLongerMine, Stale
from trac_mailintake.intake.failures import Cause, TakenOver
from trac_mailintake.intake.ports import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac_mailintake.intake.batching import Group
    from trac_mailintake.intake.failures import Failures, Undecided
    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.intake.ports import Ports, Recorded, Refused
    from trac_mailintake.intake.report import Result
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message

log = logging.getLogger(__name__)

_TRIES: Final = 5
"""How often a decision is repeated whose basis has changed."""


class Recording:
    """Records for one worker. `again` decides about a message once more."""

    def __init__(
        self,
        ports: Ports,
        failures: Failures,
        again: Callable[[Service, Delivery, Message | Exception], Decision | Undecided],
    ) -> None:
        self._ports = ports
        self._failures = failures
        self._again = again

    def record(self, service: Service, group: Sequence[Decision]) -> list[Result]:
        """Record a group. Returns a result for each. Raises TemporaryFailure."""
        results: list[Result] = []
        while group:
            first, group = self._first_of(service, group)
            results += first
        return results

    def first_of(self, service: Service, group: Group) -> list[Result]:
        """Record what fits in one transaction, or all one by one if that fails. The rest stays in the group.

        Raises TemporaryFailure.
        """
        done, left = self._first_of(service, group.take())
        group.put_back(left)
        return done

    def _first_of(self, service: Service, group: Sequence[Decision]) -> tuple[list[Result], Sequence[Decision]]:
        try:
            recorded = self._written(group)
        except Exception as error:  # noqa: BLE001 - _alone tries each by itself, and says why it fails
            log.debug("A group of %d deliveries could not be recorded together: %s", len(group), error)
            return [self._alone(service, each) for each in group], ()
        self._ports.recorder.announce(recorded, service)
        return list(recorded), group[len(recorded) :]

    def _alone(self, service: Service, decision: Decision) -> Result:
        """Record one delivery. Decide again first, and again each time that the basis of the decision has changed."""
        tries = 0
        while True:
            again = self._decided_again(service, decision)
            if not isinstance(again, Decision):
                return again
            tries += 1
            try:
                recorded = self._written([again])
            except Exception as error:  # noqa: BLE001 - the table of failures says what happens
                if isinstance(error, Stale) and tries < _TRIES:
                    continue
                return self._failed(service, decision, error)
            self._ports.recorder.announce(recorded, service)
            return recorded[0]

    def _decided_again(self, service: Service, decision: Decision) -> Decision | Undecided:
        """The decision as it is now. What could not be read is not read again."""
        if decision.message is None:
            return decision
        return self._again(service, decision.delivery, decision.message)

    def _failed(self, service: Service, decision: Decision, error: Exception) -> Result:
        failed = self._failures.handle(service, decision.delivery, decision.message, error)
        return self._given_up(failed) if isinstance(failed, Decision) else failed

    def _given_up(self, decision: Refused) -> Result:
        """Record that a message is given up. If even that fails, defer it."""
        try:
            return self._written([decision])[0]
        except NoLongerMine:
            return TakenOver(decision.delivery)
        except Exception as error:  # noqa: BLE001 - the message stays in the mailbox, so nothing is lost
            reason = f"{decision.outcome.reason} ({error})"
            return self._failures.put_off(decision.delivery, decision.message, Cause.DOWN, reason)

    def _written(self, group: Sequence[Decision]) -> Sequence[Recorded]:
        self._ports.runtime.deciding.rest()
        return self._ports.recorder.record(group)
