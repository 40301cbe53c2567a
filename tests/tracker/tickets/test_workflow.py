"""What the workflow offers, as Trac's own ticket page asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from trac.core import Component, implements
from trac.ticket.api import ITicketActionController
from trac.ticket.model import Ticket

from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.tracker.tickets.workflow import Offer
from trac_mailintake.tracker.trac_calls.mail_request import mail_request

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

ME = "tests.tracker.tickets.test_workflow"


class Controller(Component):
    """Offers what the summary of the ticket says, and sets the priority to its own name."""

    abstract = True
    implements(ITicketActionController)
    weight = 0

    def get_ticket_actions(self, req: object, ticket: Ticket) -> list[tuple[int, str]] | None:
        """The words of the summary; none for an empty one."""
        if ticket["summary"] == "broken":
            raise LookupError(ticket["summary"])
        return [(self.weight, each) for each in ticket["summary"].split()] or None

    def get_ticket_changes(self, req: object, ticket: Ticket, action: str) -> dict[str, Any]:
        """What others do not set alike, and what is as it was."""
        return {"priority": type(self).__name__, "keywords": ticket["keywords"], "milestone": action}

    def get_all_status(self) -> list[str]:
        """None of its own."""
        return []


class First(Controller):
    """Weighs little."""


class Second(Controller):
    """Weighs more."""

    weight = 5


@pytest.fixture(scope="module")
def trac(shared_env: TracEnv) -> TracEnv:
    """Two controllers besides Trac's own."""
    shared_env.set(
        ("ticket", "workflow", "ConfigurableTicketWorkflow, First, Second"), ("components", f"{ME}.*", "enabled")
    )
    shared_env.grant("admin", "TRAC_ADMIN")
    return shared_env


def offered(trac: TracEnv, user: str, summary: str, status: str = "new") -> Offer:
    """What a user is offered on a ticket."""
    ticket = Ticket(trac.env)
    ticket["summary"], ticket["status"] = summary, status
    ticket.insert()
    return Offer(trac.env, mail_request(trac.env, user, f"/ticket/{ticket.id}", {}), ticket)


def test_trac_s_own_workflow_offers_what_the_user_may(trac: TracEnv) -> None:
    """An administrator may resolve, anybody may leave it; of a closed ticket only reopening is left."""
    offer = offered(trac, "admin", "")
    assert all(action in offer for action in ("leave", "resolve", "accept"))
    assert "reopen" not in offer
    assert ("leave" in offered(trac, "anonymous", ""), "resolve" in offered(trac, "anonymous", "")) == (True, False)
    closed = offered(trac, "admin", "", "closed")
    assert ("reopen" in closed, "resolve" in closed) == (True, False)
    changes, problems = closed.changes("reopen")
    assert (changes["status"], problems) == ("reopened", [])


def test_an_action_of_several_is_performed_by_all_and_weighs_most(trac: TracEnv) -> None:
    """The form preselects the heaviest; of two of the same weight the later in the alphabet, as Trac sorts them."""
    offer = offered(trac, "anonymous", "escalate archive")
    assert offer.first() == "escalate"
    assert [type(each).__name__ for each in offer.controllers("escalate")] == ["First", "Second"]
    assert offer.controllers("unknown") == ()


def test_contradictions_are_told_and_what_stays_is_no_change(trac: TracEnv) -> None:
    """The first controller counts."""
    changes, problems = offered(trac, "anonymous", "escalate").changes("escalate")
    assert changes == {"priority": "First", "milestone": "escalate"}
    assert problems == ["Second sets priority to Second, others to First"]
    assert offered(trac, "anonymous", "escalate").changes("nothing") == ({}, [])


def test_a_controller_that_fails_is_named(trac: TracEnv) -> None:
    """It is the plugin's fault, and not the mail's."""
    with pytest.raises(Misconfiguration, match=r"test_workflow\.First failed \(LookupError"):
        offered(trac, "anonymous", "broken")


def test_without_any_action_nothing_is_chosen(sqlite_env: TracEnv) -> None:
    """The mail is held then."""
    sqlite_env.set(("ticket", "workflow", "First"), ("components", f"{ME}.First", "enabled"))
    assert offered(sqlite_env, "anonymous", "").first() is None
