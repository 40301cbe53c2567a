"""Held mail goes the same way again, past all screens, into the chosen ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, STRANGER, message, service
from tests.fakes import FakeRules, FakeTracker
from tests.intake.bench import Bench
from trac_mailintake.intake.model import Followup, Hold, NewTicket, Outcome, Reject, Status
from trac_mailintake.intake.ports import Accepted, Refused
from trac_mailintake.intake.stages.release import ReleasingRules, ReleasingTracker

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Sender
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message


def releasing(bench: Bench, ticket: int | None, user: str = "") -> Bench:
    """The bench, for an administrator who releases into the ticket."""
    ports = bench.ports
    rules, tracker = ReleasingRules(ports.rules, ticket), ReleasingTracker(ports.tracker, user)
    bench.ports = replace(ports, rules=rules, tracker=tracker)
    return bench


def test_no_screen_is_asked() -> None:
    """The administrator has seen the mail."""
    bench = Bench()
    bench.rules.objections["a"] = [Hold("spam", "It is.")]
    decision = releasing(bench, None).spine.decide(service(), DELIVERY, message(subject="a"))
    assert isinstance(decision, Accepted)
    assert (decision.outcome.status, decision.outcome.rule) == (Status.CREATED, "released")


@pytest.mark.parametrize("ticket", [None, 7])
def test_the_ticket_is_the_chosen_one_whatever_the_handler_says(ticket: int | None) -> None:
    """A handler may put mail elsewhere, but not this one."""
    bench = Bench()
    decision = releasing(bench, ticket).spine.decide(service(), DELIVERY, message(references=("<0@x>",)))
    assert isinstance(decision, Accepted)
    target = decision.prepared.change.target
    if ticket is None:
        assert isinstance(target, NewTicket)
        assert "a ticket of its own" in target.note
    else:
        assert isinstance(target, Followup)
        assert target.ticket == ticket
    assert NewTicket("x", "").note == ""


def test_a_mail_that_answers_nothing_needs_no_note() -> None:
    """It would have been a ticket anyway."""
    decision = releasing(Bench(), None).spine.decide(service(), DELIVERY, message())
    assert isinstance(decision, Accepted)
    target = decision.prepared.change.target
    assert isinstance(target, NewTicket)
    assert target.note == ""


def test_what_the_handler_or_trac_refuses_stays_held() -> None:
    """With their reasons."""
    bench = Bench()
    bench.rules.refusals["a"] = Hold("permission", "You may not.")
    bench.tracker.refusal = Reject("workflow", "No.")
    spine = releasing(bench, 7).spine
    for subject, rule in (("a", "permission"), ("b", "workflow")):
        decision = spine.decide(service(), DELIVERY, message(subject=subject))
        assert isinstance(decision, Refused)
        assert decision.outcome.rule == rule


@pytest.mark.parametrize(("user", "username"), [("", "anonymous"), ("boss", "boss")])
def test_whose_permissions_count(user: str, username: str) -> None:
    """The author stays who sent it."""
    sender = ReleasingTracker(FakeTracker(), user).sender(message(), service())
    assert (sender.username, sender.author) == (username, STRANGER.author)
    assert ("released with the rights of boss" in sender.reason) is bool(user)


def test_plugins_hear_of_released_mail_as_of_all_mail() -> None:
    """Once it is recorded."""

    class Hearing(FakeRules):
        heard = 0

        def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
            self.heard += 1

    rules = Hearing()
    ReleasingRules(rules, None).recorded(message(), Outcome(Status.CREATED, "new", ""), service(), STRANGER)
    assert rules.heard == 1
