"""screen, handle: the decisions that follow from what the rules and the tracker say."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import (
    Discard,
    Followup,
    Forward,
    Hold,
    Ignore,
    NewTicket,
    Outcome,
    Reject,
    Status,
    Step,
)
from trac_mailintake.intake.ports import Accepted, Duplicate, Refused
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.sender_notice import acknowledgement, notice
from trac_mailintake.mail.headers.authentication_results import author_proof

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac_mailintake.intake.model import (
        Delivery,
        Objection,
        Target,
    )
    from trac_mailintake.intake.ports import Prepared, Seen
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message


def duplicate(delivery: Delivery, message: Message, seen: Seen, steps: Iterable[Step]) -> Duplicate:
    """The decision about a message that was filed before."""
    reason = reasons.DUPLICATE(delivery=seen.delivery)
    outcome = because(Outcome, reason, status=Status.DUPLICATE, ticket=seen.ticket)
    return Duplicate(delivery, message, outcome, (*steps, Step.of("recall", reason)), seen.proved)


def refused(
    delivery: Delivery, message: Message | None, service: Service, objection: Objection, steps: Iterable[Step] = ()
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
    proved = message is not None and bool(author_proof(message, service.authentication.authserv_ids))
    return Refused(delivery, message, outcome, tuple(steps), forward, notice(message, service, outcome), proved)


def accepted(
    delivery: Delivery, message: Message, service: Service, prepared: Prepared, steps: Iterable[Step]
) -> Accepted:
    """The decision to file what has been prepared."""
    told = acknowledgement(prepared.change, message, service)
    outcome = _outcome(prepared.change.target)
    proved = bool(author_proof(message, service.authentication.authserv_ids))
    return Accepted(delivery, message, outcome, (*steps, *prepared.steps), prepared, acknowledge=told, proved=proved)


def _outcome(target: Target) -> Outcome:
    match target:
        case NewTicket():
            return Outcome(Status.CREATED, target.rule, target.reason, because=target.because)
        case Followup():
            return Outcome(Status.COMMENTED, target.rule, target.reason, target.ticket, because=target.because)
        case _:
            assert_never(target)
