"""Tickets are written without a word to listeners; everything else of the environment is the real one's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.ticket.api import TicketSystem
from trac.ticket.model import Ticket
from trac.wiki.api import WikiSystem

from tests.tracker import plugins
from trac_mailintake.tracker.trac_calls.unobserved_env import QuietEnvironment

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


@pytest.fixture(scope="module")
def trac(shared_env: TracEnv) -> TracEnv:
    """A plugin listens."""
    shared_env.set(("components", f"{plugins.__name__}.Listener", "enabled"))
    return shared_env


@pytest.fixture(autouse=True)
def _nothing_heard() -> None:
    plugins.Listener.heard.clear()


def made(env: object, summary: str) -> Ticket:
    """A new ticket, then a comment on it."""
    ticket = Ticket(env)
    ticket["summary"] = summary
    ticket.insert()
    ticket.save_changes("joe", "A comment.")
    return ticket


def test_listeners_hear_nothing_of_what_is_written_in_it(trac: TracEnv) -> None:
    """The ticket is there all the same, with its comment."""
    ticket = made(QuietEnvironment(trac.env), "Unheard")
    assert plugins.Listener.heard == []
    read = Ticket(trac.env, ticket.id)
    assert read["summary"] == "Unheard"
    assert read.get_change(cnum=1)["fields"]["comment"]["new"] == "A comment."


def test_others_are_heard_meanwhile(trac: TracEnv) -> None:
    """Nothing that is shared is silenced: web users' tickets reach their listeners."""
    quiet = QuietEnvironment(trac.env)
    made(quiet, "Unheard")
    assert TicketSystem(trac.env).change_listeners
    made(trac.env, "Heard")
    assert [what for what, *_ in plugins.Listener.heard] == ["created", "changed"]
    assert list(TicketSystem(quiet).change_listeners) == []


def test_everything_else_is_the_environments_own(trac: TracEnv) -> None:
    """Components, their options, paths, the database, and which of them are enabled."""
    quiet = QuietEnvironment(trac.env)
    assert WikiSystem(quiet) is WikiSystem(trac.env)
    assert quiet[WikiSystem] is trac.env[WikiSystem]
    assert (quiet.path, quiet.config) == (trac.env.path, trac.env.config)
    assert TicketSystem(quiet).get_ticket_fields() == TicketSystem(trac.env).get_ticket_fields()
    assert TicketSystem(quiet).default_type == "defect"
    for component in (plugins.Listener, plugins.Clumsy, TicketSystem):
        assert quiet.is_component_enabled(component) == trac.env.is_component_enabled(component)
    assert quiet.db_query("SELECT 1") == [(1,)]
