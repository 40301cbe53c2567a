"""Tickets made from one that was made before are what Trac itself would make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.resource import ResourceNotFound
from trac.ticket.model import Component, Ticket

from trac_mailintake.tracker.tickets.ticket_copies import Models

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def _state(ticket: Ticket) -> dict[str, object]:
    return {**vars(ticket), "env": None}


def _of_the_form(ticket: Ticket) -> Ticket:
    ticket.values["component"] = "component1"
    return ticket


def test_a_new_ticket_is_what_trac_makes(trac_env: TracEnv) -> None:
    """Fields, defaults and lists of names are the same, for the first one and for those after it.

    But for what its form adds: on a fresh Trac the first component.
    """
    models = Models(trac_env.env)
    for ticket in (models.new(), models.new()):
        assert _state(ticket) == _state(_of_the_form(Ticket(trac_env.env)))
        assert not ticket.exists


def test_an_existing_ticket_is_what_trac_reads(trac_env: TracEnv) -> None:
    """Its values are those of the database, not defaults."""
    filed = Ticket(trac_env.env)
    filed["summary"], filed["priority"], filed["keywords"] = "The press stands still", "blocker", "press"
    number = filed.insert()
    assert _state(Models(trac_env.env).existing(number)) == _state(Ticket(trac_env.env, number))


def test_a_ticket_that_does_not_exist(trac_env: TracEnv) -> None:
    """It is not found, as Trac says it."""
    with pytest.raises(ResourceNotFound):
        Models(trac_env.env).existing(4711)


def test_what_one_ticket_changes_another_does_not_see(trac_env: TracEnv) -> None:
    """Plugins change the fields and values of the ticket in their hands."""
    models = Models(trac_env.env)
    models.new()
    changed = models.new()
    changed["summary"] = "changed"
    changed.fields.by_name("priority")["options"].append("whenever")
    changed.fields.by_name("priority")["label"] = "Urgency"
    changed.fields.append({"name": "colour", "type": "text", "label": "Colour"})
    changed.editable_fields.add("colour")
    changed.std_fields.append("colour")
    assert _state(models.new()) == _state(_of_the_form(Ticket(trac_env.env)))
    assert models.filled() == {"component": "component1"}


def test_a_change_of_the_fields_is_seen(trac_env: TracEnv) -> None:
    """An enumeration that is changed while a round goes on is seen by the next ticket."""
    models = Models(trac_env.env)
    models.new()
    component = Component(trac_env.env)
    component.name = "printing"
    component.insert()
    assert "printing" in models.new().fields.by_name("component")["options"]
