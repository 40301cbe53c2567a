"""The pipeline: parse → decide (screen, route, handle) → record, for one delivery after the other.

Deciding changes nothing, so `explain` is parse and decide. Recording is one transaction for one or more deliveries;
if it fails for a group, it is repeated one by one. Disposing comes later, in `round`.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import Fault, Misconfiguration, NoLongerMine, Stale, TemporaryFailure
from trac_mailintake.intake.model import (
    Discard,
    Followup,
    Forward,
    Hold,
    Ignore,
    NewTicket,
    Objection,
    Outcome,
    Reject,
    Status,
    Step,
    gravest,
)
from trac_mailintake.intake.ports import Accepted, Duplicate, Prepared, Recorded, Refused
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.sender_notice import acknowledges, whom_to_tell
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trac_mailintake.intake.model import Delivery, Sender, Target
    from trac_mailintake.intake.ports import Claims, Decision, Recorder, Rules, Runtime, Tracker
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message

log = logging.getLogger(__name__)

GROUP: Final = 50
"""Deliveries in one transaction at most."""

ATTEMPTS: Final = 5
"""Failures of the message's own after which it is given up: forwarded or held."""

DEATHS: Final = 3
"""A message is held after so many processes died while they held only this one."""

RENEWAL: Final = Seconds(120.0)
"""The time after which the leases of the remaining deliveries are renewed."""

_NUMBER: Final = re.compile(r"#[0-9]|\([^()\s]{1,64}-[0-9]")
"""A possible ticket number in a subject; the rules decide."""

_SOON: Final = Seconds(0.1)
"""The time until a delivery that waits for another worker is tried again."""
_SHORTLY: Final = Seconds(2.0)
"""If the message that this one answers is due within this time, wait for it."""
BACKOFF: Final = tuple(map(Seconds, (60.0, 300.0, 1200.0, 3600.0, 3600.0)))
"""The time until the next attempt, by the number of failed ones."""
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Deferred:
    """A deferred delivery. `soon`: it only waits for another worker; `fault`: what an administrator must fix, if so."""

    delivery: Delivery
    reason: str
    soon: bool = False
    fault: Fault | None = None
    down: bool = False
    """Something of ours is down: the round should end."""


Result = Recorded | Deferred


class Intake:
    """Files the deliveries of one environment."""

    def __init__(self, tracker: Tracker, claims: Claims, recorder: Recorder, rules: Rules, runtime: Runtime) -> None:
        """All collaborators are arguments; see `bootstrap`."""
        self._runtime = runtime
        self._tracker = tracker
        self._claims = claims
        self._recorder = recorder
        self._rules = rules

    def expect(self, deliveries: Sequence[Delivery]) -> None:
        """Announce the next deliveries, in order. Their archived bytes are readable, perhaps not yet flushed."""
        self._runtime.parser.expect([each.raw for each in deliveries if each.raw is not None and each.deaths < DEATHS])

    def take(self, service: Service, deliveries: Sequence[Delivery]) -> list[Result]:
        """File a claimed, archived batch. Returns a result for each delivery that no other worker took over."""
        try:
            return self._take(service, deliveries)
        finally:
            self._runtime.rest()

    def _take(self, service: Service, deliveries: Sequence[Delivery]) -> list[Result]:
        results: list[Result] = []
        group: list[Decision] = []
        renewed = time.monotonic()
        for place, delivery in enumerate(deliveries):
            if time.monotonic() - renewed > RENEWAL:
                self._runtime.deciding.rest()
                self._claims.renew(deliveries[place:])
                renewed = time.monotonic()
            self._runtime.beat()
            message = self._read(delivery)
            if len(group) >= GROUP or _depends(message, group):
                results += self._record(service, group)
                group = []
            decided = self._decide_safely(service, delivery, message)
            if decided is not None and not isinstance(decided, Deferred) and _stands_on(decided, group):
                results += self._record(service, group)
                group = []
                decided = self._decide_safely(service, delivery, message)
            if isinstance(decided, Deferred):
                results.append(decided)
            elif decided is not None:
                group.append(decided)
        return results + self._record(service, group)

    def decide(self, service: Service, delivery: Delivery, message: Message, *, explain: bool = False) -> Decision:
        """Screen, route and handle one message; nothing is written.

        Raises Misconfiguration, TemporaryFailure, and anything that one of our rules raises because of the message.
        """
        steps = [Step("parse", each.slug, each.sentence, because=each.because) for each in message.defects]
        seen = self._recorder.seen(service, message)
        if seen is not None:
            reason = reasons.DUPLICATE(delivery=seen.delivery)
            outcome = because(Outcome, reason, status=Status.DUPLICATE, ticket=seen.ticket)
            return Duplicate(delivery, message, outcome, (*steps, Step.of("recall", reason)))
        sender = self._tracker.sender(message, service)
        steps.append(Step("screen", sender.rule, sender.reason, because=sender.because))
        objections = list(self._rules.screen(message, delivery, service, sender))
        steps += [Step.objected("screen", each) for each in objections]
        objection = gravest(objections)
        if objection is not None:
            return refused(delivery, message, service, objection, steps)
        return self._file(service, delivery, message, sender, steps, explain=explain)

    def _file(
        self,
        service: Service,
        delivery: Delivery,
        message: Message,
        sender: Sender,
        steps: list[Step],
        *,
        explain: bool,
    ) -> Decision:
        """Route and handle a message: returns the decision to file it, or an objection."""
        target = self._rules.route(message, delivery, service, sender)
        steps.append(Step("route", target.rule, target.reason, because=target.because))
        answer = self._rules.handle(message, target, service, sender)
        if not isinstance(answer, Objection):
            prepared = self._tracker.prepare(answer, message, service, explain=explain)
            if isinstance(prepared, Prepared):
                steps += prepared.steps
                filed, told = _filed(prepared.change.target), acknowledges(prepared.change, message, service)
                return Accepted(delivery, message, filed, tuple(steps), prepared, acknowledge=told)
            answer = prepared
        steps.append(Step.objected("handle", answer))
        return refused(delivery, message, service, answer, steps)

    def _read(self, delivery: Delivery) -> Message | Exception | None:
        """The parsed message; None if too many processes died over it; or the exception of reading the archive."""
        if delivery.deaths >= DEATHS:
            return None
        if delivery.raw is None:
            raise ValueError(delivery)
        try:
            return self._runtime.parser(delivery.raw)
        except Exception as error:  # noqa: BLE001 - handled below, like any failure of a message
            return error

    def _decide_safely(
        self, service: Service, delivery: Delivery, message: Message | Exception | None
    ) -> Decision | Deferred | None:
        """Decide. If anything fails, the mail is deferred or held. The one broad `except`: mail could be lost here."""
        if isinstance(message, Exception):
            return self._failed(service, delivery, None, message)
        if message is None:
            return refused(delivery, None, service, because(Hold, reasons.CRASHES(deaths=delivery.deaths)), [])
        try:
            decision = self._runtime.deciding(lambda: self.decide(service, delivery, message))
            wait = self._claims.parent_elsewhere(delivery, _answered(message)) if _seeks_a_parent(decision) else None
            if wait is not None and wait.due is None:
                reason = "It may answer a message that another worker is filing."
                return self._let_go(delivery, reason, message=message, soon=True)
            if wait is not None and wait.due is not None:
                reason = "It answers a mail that was deferred."
                return self._let_go(delivery, reason, message=message, soon=wait.due <= _SHORTLY)
        except Exception as error:  # noqa: BLE001 - whatever a rule raises, the mail is deferred or held
            return self._failed(service, delivery, message, error)
        return decision

    def _failed(
        self, service: Service, delivery: Delivery, message: Message | None, error: Exception
    ) -> Refused | Deferred | None:
        """Defer, forward or hold after a failure, by its kind (docs/behaviour.md#when-it-fails)."""
        log.debug("Delivery %s (%s) failed", delivery.id, delivery.listed.locator, exc_info=error)
        error = self._runtime.named(error)
        match error:
            case NoLongerMine():
                return None
            case Stale():
                return self._let_go(delivery, str(error), message=message, soon=True)
            case TemporaryFailure():
                return self._let_go(delivery, str(error), message=message, down=True)
            case Misconfiguration():
                return self._let_go(delivery, str(error), message=message, fault=Fault.of(error))
        reason = f"{type(error).__name__}: {error}"
        log.error("Delivery %s (%s) failed: %s", delivery.id, delivery.listed.locator, reason, exc_info=error)
        if delivery.attempts + 1 >= ATTEMPTS:
            # The forward address also gets failed mail (as JIRA's Forward Email does); without one the mail is held.
            given_up = because(Forward, reasons.FAILED(attempts=ATTEMPTS, error=reason))
            return refused(delivery, message, service, given_up, [])
        return self._let_go(delivery, reason, message=message, counted=True)

    def _let_go(
        self,
        delivery: Delivery,
        reason: str,
        *,
        message: Message | None = None,
        soon: bool = False,
        fault: Fault | None = None,
        down: bool = False,
        counted: bool = False,
    ) -> Deferred | None:
        self._runtime.deciding.rest()
        seconds = _SOON if soon else BACKOFF[min(delivery.attempts, len(BACKOFF) - 1)] if counted else BACKOFF[0]
        try:
            message_id = (message.message_id or "") if message else None
            self._claims.defer(delivery, reason, seconds=seconds, counted=counted, message_id=message_id)
        except NoLongerMine:
            return None
        except TemporaryFailure as error:
            # The claim expires, and the mail is still in its mailbox: nothing is lost.
            return Deferred(delivery, f"{reason} ({error})", down=True)
        return Deferred(delivery, reason, soon=soon, fault=fault, down=down)

    # record

    def _record(self, service: Service, group: Sequence[Decision]) -> list[Result]:
        """Record a group in one transaction. If that fails, decide and record each again by itself."""
        if not group:
            return []
        try:
            recorded = self._written(group)
        except Exception as error:  # noqa: BLE001 - _record_alone tries each by itself, and says why it fails
            log.debug("A group of %d deliveries could not be recorded together: %s", len(group), error)
            return [result for each in group if (result := self._record_alone(service, each)) is not None]
        self._recorder.announce(recorded, service)
        return list(recorded)

    def _record_alone(self, service: Service, decision: Decision) -> Result | None:
        """Record one delivery; decide again, up to 5 times, if the ticket changed meanwhile."""
        error: Exception | None = None
        for _ in range(_TRIES):
            again = self._decide_safely(service, decision.delivery, decision.message)
            if again is None or isinstance(again, Deferred):
                return again
            try:
                recorded = self._written([again])
            except Stale as stale:
                error = stale
                continue
            except Exception as failure:  # noqa: BLE001 - turned into a deferral below, which says why
                error = failure
                break
            self._recorder.announce(recorded, service)
            return recorded[0]
        assert error is not None  # noqa: S101 - the loop ends early or with an error
        failed = self._failed(service, decision.delivery, decision.message, error)
        return failed if failed is None or isinstance(failed, Deferred) else self._hold(failed)

    def _written(self, group: Sequence[Decision]) -> Sequence[Recorded]:
        self._runtime.deciding.rest()
        return self._recorder.record(group)

    def _hold(self, decision: Refused) -> Result | None:
        """Record that a message is given up. If even that fails, defer it."""
        try:
            return self._written([decision])[0]
        except NoLongerMine:
            return None
        except Exception as error:  # noqa: BLE001 - the message stays in the mailbox, so nothing is lost
            reason = f"{decision.outcome.reason} ({error})"
            return self._let_go(decision.delivery, reason, message=decision.message, down=True)


def refused(
    delivery: Delivery, message: Message | None, service: Service, objection: Objection, steps: Iterable[Step]
) -> Refused:
    """The decision that follows from an objection. A forward without an address becomes a hold."""
    forward = None
    rule, reason = objection.rule, objection.reason
    match objection:
        case Forward() if service.forward:
            status, rule, forward = Status.HELD, reasons.FORWARD_PENDING.slug, objection
        case Hold() | Forward():
            status = Status.HELD
        case Reject():
            status = Status.REJECTED
        case Ignore():
            status = Status.IGNORED
        case Discard():
            status = Status.DISCARDED
        case _:
            assert_never(objection)
    outcome = Outcome(status, rule, reason, because=objection.because)
    return Refused(delivery, message, outcome, tuple(steps), forward, whom_to_tell(message, service, outcome))


def _filed(target: Target) -> Outcome:
    match target:
        case NewTicket():
            return Outcome(Status.CREATED, target.rule, target.reason, because=target.because)
        case Followup():
            return Outcome(Status.COMMENTED, target.rule, target.reason, target.ticket, because=target.because)
        case _:
            assert_never(target)


def _answered(message: Message) -> tuple[str, ...]:
    """The ids that a message refers to."""
    return (*message.in_reply_to, *message.references)


def _depends(message: Message | Exception | None, group: Sequence[Decision]) -> bool:
    """Whether a message answers or duplicates one in `group`, which must then be recorded first."""
    if message is None or isinstance(message, Exception):
        return False
    wanted = {*_answered(message), message.message_id or message.sha256}
    return any(
        each.message is not None and (each.message.message_id or each.message.sha256) in wanted for each in group
    )


def _stands_on(decision: Decision, group: Sequence[Decision]) -> bool:
    """Whether the group changes the ticket of this decision, or may create the one that its subject names."""
    ticket = decision.outcome.ticket
    if ticket is not None:
        return any(each.outcome.ticket == ticket for each in group)
    if not isinstance(decision, Accepted):
        return False
    return bool(group) and _NUMBER.search(decision.message.subject) is not None


def _seeks_a_parent(decision: Decision) -> bool:
    """Whether the message answers an unknown one, and would therefore become a new ticket."""
    if not isinstance(decision, Accepted) or decision.outcome.status is not Status.CREATED:
        return False
    return bool(_answered(decision.message))
