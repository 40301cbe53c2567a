"""Which decision follows from what was said about a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, STRANGER, message, service
from trac_mailintake.intake.decisions import accepted, duplicate, refused
from trac_mailintake.intake.model import (
    Change,
    Discard,
    Followup,
    Forward,
    Hold,
    Ignore,
    NewTicket,
    Proof,
    Reject,
    Status,
    Step,
)
from trac_mailintake.intake.ports import Prepared, Seen

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Objection, Target

BOSS = "boss@example.org"


@pytest.mark.parametrize(
    ("objection", "forward", "status", "rule"),
    [
        (Hold("h", "So."), BOSS, Status.HELD, "h"),
        (Forward("f", "So."), BOSS, Status.HELD, "forward-pending"),
        (Forward("f", "So."), "", Status.HELD, "f"),
        (Reject("r", "So."), BOSS, Status.REJECTED, "r"),
        (Ignore("i", "So."), BOSS, Status.IGNORED, "i"),
        (Discard("d", "So."), BOSS, Status.DISCARDED, "d"),
    ],
)
def test_an_objection_becomes_an_outcome(objection: Objection, forward: str, status: Status, rule: str) -> None:
    """With its reason; a forward is held until it has left, and for good if there is nobody to forward to."""
    decision = refused(DELIVERY, message(), service(forward), objection)
    assert (decision.outcome.status, decision.outcome.rule, decision.outcome.reason) == (status, rule, "So.")
    assert decision.forward == (objection if isinstance(objection, Forward) and forward else None)


@pytest.mark.parametrize(("wanted", "told"), [("never", ""), ("rejected", "ann@example.org")])
def test_a_refused_sender_is_told_where_that_is_wanted(wanted: str, told: str) -> None:
    """And nobody is if the message could not be read."""
    chosen = service(notify_sender=wanted)
    letter = refused(DELIVERY, message(), chosen, Reject("no", "No.")).tell
    assert (letter.address if letter else "") == told
    assert refused(DELIVERY, None, chosen, Reject("no", "No.")).tell is None


@pytest.mark.parametrize(
    ("target", "status", "ticket"),
    [
        (NewTicket("new", "It names none."), Status.CREATED, None),
        (Followup(7, "subject", "It says so.", Proof.SUBJECT), Status.COMMENTED, 7),
    ],
)
def test_what_is_prepared_is_accepted(target: Target, status: Status, ticket: int | None) -> None:
    """By the rule that found its target; what preparing says comes last in the trail."""
    prepared = Prepared(Change(target, STRANGER, "", ""), None, (Step("handle", "p", ""),))
    decision = accepted(DELIVERY, message(), service(acknowledge="always"), prepared, [Step("route", "r", "")])
    assert (decision.outcome.status, decision.outcome.ticket, decision.outcome.rule) == (status, ticket, target.rule)
    assert [step.rule for step in decision.steps] == ["r", "p"]
    assert bool(decision.acknowledge) == isinstance(target, NewTicket)


def test_a_duplicate_names_the_ticket_and_the_delivery() -> None:
    """Of the first of them."""
    decision = duplicate(DELIVERY, message(), Seen(12, 3), [])
    assert (decision.outcome.status, decision.outcome.ticket) == (Status.DUPLICATE, 3)
    assert "12" in decision.outcome.reason
    assert [step.rule for step in decision.steps] == ["duplicate"]
