"""Fields of new tickets, and cc, are checked as the web interface would check them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from trac.ticket.model import Ticket, Type

from tests.builders import comment, message, new_ticket, service
from tests.tracker.tickets.test_prepare import asked, grant, rules
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.model import Hold
from trac_mailintake.intake.ports import Prepared
from trac_mailintake.intake.settings import Values

if TYPE_CHECKING:
    from tests.tracker.conftest import Desk


def test_custom_fields_have_their_defaults_and_presets(desk: Desk) -> None:
    """A custom field is a field like any other."""
    desk.trac.set(
        ("ticket-custom", "customer", "text"),
        ("ticket-custom", "customer.value", "nobody"),
        ("ticket-custom", "site", "select"),
        ("ticket-custom", "site.options", "north|south"),
    )
    filed = desk.file(new_ticket(fields={"site": "south"}))
    ticket = Ticket(desk.trac.env, filed.ticket)
    assert (ticket["customer"], ticket["site"]) == ("nobody", "south")


def test_a_service_sets_custom_fields_of_new_tickets(desk: Desk) -> None:
    """What a handler says of the same field comes before it; a parameter of the same name is no preset."""
    desk.trac.set(("ticket-custom", "customer", "text"), ("ticket-custom", "site", "text"))
    desk.trac.set(("ticket-custom", "text", "text"))
    values = Values({"customer": "ACME", "site": "north", "text": "plain"})
    told = replace(service(), parameters=values, presets=("customer", "site"))
    prepared = desk.tracker.prepare(new_ticket(fields={"site": "south"}), message(), told)
    assert isinstance(prepared, Prepared)
    ticket = Ticket(desk.trac.env, desk.write(prepared).ticket)
    assert (ticket["customer"], ticket["site"], ticket["text"] or "") == ("ACME", "south", "")


@pytest.mark.parametrize(("wanted", "name"), [("1", "defect"), ("3", "task"), ("task", "task")])
def test_a_type_may_be_the_number_of_its_order(desk: Desk, wanted: str, name: str) -> None:
    """As JIRA's `issuetype` is."""
    filed = desk.file(new_ticket(fields={"type": wanted}))
    assert Ticket(desk.trac.env, filed.ticket)["type"] == name


def test_a_type_that_is_called_by_a_number_is_meant_by_it(desk: Desk) -> None:
    """A type's name takes precedence over its position; a position that does not exist holds the mail."""
    two = Type(desk.trac.env)
    two.name = "1"
    two.insert()
    assert Ticket(desk.trac.env, desk.file(new_ticket(fields={"type": "1"})).ticket)["type"] == "1"
    assert isinstance(asked(desk, new_ticket(fields={"type": "9"})), Hold)


def test_a_field_that_does_not_exist_is_a_misconfiguration(desk: Desk) -> None:
    """It is the administrator's to mend, so it must not count against the mail."""
    for name in ("kolor", "status", "reporter"):
        with pytest.raises(Misconfiguration, match=name):
            asked(desk, new_ticket(fields={name: "x"}))


def test_a_value_that_is_no_option_holds_the_mail(desk: Desk) -> None:
    """Trac's own validation says which field."""
    objection = asked(desk, new_ticket(fields={"priority": "world-shaking"}))
    assert isinstance(objection, Hold)
    assert objection.rule == "ticket-manipulator"
    assert "priority" in objection.reason


def test_cc_is_set_without_repeats(desk: Desk) -> None:
    """Case does not make another person."""
    grant(desk, "TICKET_EDIT_CC")
    filed = desk.file(new_ticket(cc=("ann@example.org", "Bob", "ANN@example.org")))
    assert Ticket(desk.trac.env, filed.ticket)["cc"] == "ann@example.org, Bob"


def test_cc_of_a_new_ticket_needs_permission(desk: Desk) -> None:
    """Senders may add themselves, and others only with TICKET_EDIT_CC; what the administrator preset stays."""
    change = new_ticket(fields={"cc": "ann@example.org"}, cc=("ext@example.net", "bob@example.org"))
    prepared = desk.prepare(change)
    assert "cc" in rules(prepared)
    assert Ticket(desk.trac.env, desk.write(prepared).ticket)["cc"] == "ann@example.org, ext@example.net"
    grant(desk, "TICKET_EDIT_CC")
    filed = desk.file(change)
    assert Ticket(desk.trac.env, filed.ticket)["cc"] == "ann@example.org, ext@example.net, bob@example.org"


def test_cc_of_a_ticket_needs_permission(desk: Desk) -> None:
    """Whoever may edit fields may add themselves; others need TICKET_EDIT_CC; the trail names who was left out."""
    number = desk.file(new_ticket(fields={"cc": "ann@example.org"})).ticket
    change = comment(number, cc=("ext@example.net", "bob@example.org"))
    prepared = desk.prepare(change)
    assert "cc" in rules(prepared)
    desk.write(prepared)
    assert Ticket(desk.trac.env, number)["cc"] == "ann@example.org"
    grant(desk, "TICKET_CHGPROP")
    desk.file(change)
    assert Ticket(desk.trac.env, number)["cc"] == "ann@example.org, ext@example.net"
    grant(desk, "TICKET_EDIT_CC")
    desk.file(change)
    assert Ticket(desk.trac.env, number)["cc"] == "ann@example.org, ext@example.net, bob@example.org"
