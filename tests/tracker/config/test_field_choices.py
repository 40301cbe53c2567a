"""Settings are checked against what this environment has: users, types, options of fields, tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.ticket.model import Ticket, Type

from tests.builders import service
from trac_mailintake.intake.settings import Kind, Parameter, SettingError
from trac_mailintake.tracker.config.field_choices import (
    check_choices,
    check_ticket,
    custom_fields,
    strangers_are_held,
    ticket_options,
    ticket_types,
    type_named,
)

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

NAMES = ("reporterusername", "owner", "project", "issuetype", "type", "component", "milestone", "keywords", "status")
PARAMETERS = {
    name: Parameter(name, Kind.USER if name in ("reporterusername", "owner") else Kind.TEXT, "", "") for name in NAMES
}


@pytest.fixture(scope="module")
def trac(shared_env: TracEnv) -> TracEnv:
    """Joe has logged in, Ann was granted a right and has never come, Root is an administrator; a field of our own."""
    shared_env.know("joe", "joe@example.org")
    shared_env.grant("ann", "TICKET_CREATE")
    shared_env.grant("root", "TRAC_ADMIN")
    shared_env.set(
        ("mailintake", "project_key", " JRA "),
        ("ticket-custom", "area", "text"),
        ("ticket-custom", "area.label", "Area of work"),
        ("ticket-custom", "floor", "select"),
        ("ticket-custom", "floor.options", "ground|first"),
    )
    return shared_env


def refused(trac: TracEnv, name: str, value: str) -> str:
    """What is said against a value; "" when it is taken."""
    try:
        check_choices(trac.env, {name: value}, PARAMETERS)
    except SettingError as error:
        return f"{error.name}={error.value}: {error.allowed}"
    return ""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("reporterusername", "joe", ""),
        ("reporterusername", "ann", ""),
        ("reporterusername", "nobody", "a user of this environment"),
        ("reporterusername", "anonymous", "a user of this environment"),
        ("owner", "authenticated", "a user of this environment"),
        ("reporterusername", "root", "a user without TRAC_ADMIN"),
        ("owner", "root", ""),
        ("project", "env", ""),
        ("project", "jra", ""),
        ("project", "PROJECT OF A TEST", ""),
        ("project", "other", "nothing, or what this environment is called: env, Project of a test, JRA"),
        ("issuetype", "defect", ""),
        ("issuetype", "2", ""),
        ("issuetype", "0", "1 (defect), 2 (enhancement), 3 (task)"),
        ("issuetype", "99", "1 (defect), 2 (enhancement), 3 (task)"),
        ("component", "component1", ""),
        ("component", "cellar", "component1, component2"),
        ("keywords", "anything at all", ""),
        ("status", "whatever", ""),
        ("component", "", ""),
    ],
)
def test_a_value_is_one_that_this_environment_has(trac: TracEnv, name: str, value: str, said: str) -> None:
    """Otherwise it is said what would be."""
    answer = refused(trac, name, value)
    assert answer.startswith(f"{name}={value}: {said}") if said else not answer


def test_where_there_is_no_type_none_is_asked_for(sqlite_env: TracEnv) -> None:
    """Not an empty list after `Allowed:`."""
    with sqlite_env.env.db_transaction as db:
        db("DELETE FROM enum WHERE type='ticket_type'")
    sqlite_env.reopen()
    assert ticket_types(sqlite_env.env) == []
    assert refused(sqlite_env, "issuetype", "1") == "issuetype=1: nothing, there is no ticket type"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("task", "task"),
        ("1", "defect"),
        ("3", "task"),
        ("4", "4"),
        ("0", "0"),
        ("-1", "-1"),
        ("²", "²"),
        ("x", "x"),
        ("", ""),
    ],
)
def test_a_type_is_named_or_counted(trac: TracEnv, wanted: str, found: str) -> None:
    """JIRA's `issuetype=1` is the first; what is neither stays, for the check to refuse it."""
    assert type_named(trac.env, wanted) == found
    assert ticket_types(trac.env) == ["defect", "enhancement", "task"]


def test_a_type_that_is_called_by_a_number_comes_first(sqlite_env: TracEnv) -> None:
    """Its name is what somebody typed."""
    made = Type(sqlite_env.env)
    made.name = "1"
    made.insert()
    assert type_named(sqlite_env.env, "1") == "1"


def test_a_custom_field_is_a_preset_unless_its_name_is_taken(trac: TracEnv) -> None:
    """With its label as the help."""
    found = {each.name: each.help for each in custom_fields(trac.env, frozenset({"floor"}))}
    assert found == {"area": "Ticket field Area of work, for new tickets"}


def test_the_values_of_fields_are_offered(trac: TracEnv) -> None:
    """Not those that the mail or the workflow decides."""
    found = ticket_options(trac.env)
    assert found["floor"] == ("ground", "first")
    assert "component1" in found["component"]
    assert not {"status", "resolution", "area", "keywords"} & set(found)


def test_whether_strangers_mail_becomes_a_ticket(sqlite_env: TracEnv) -> None:
    """As their permissions say, unless they act with the rights of the user that the service names."""
    assert strangers_are_held(sqlite_env.env, service())
    assert not strangers_are_held(sqlite_env.env, service(reporterusername="admin"))
    sqlite_env.grant("anonymous", "TICKET_CREATE")
    assert not strangers_are_held(sqlite_env.reopen(), service())


def test_a_ticket_must_be_there(trac: TracEnv) -> None:
    """Its number is typed, or was in an old page."""
    ticket = Ticket(trac.env)
    ticket["summary"] = "There"
    check_ticket(trac.env, ticket.insert())
    with pytest.raises(SettingError, match=r"ticket=4711: not allowed"):
        check_ticket(trac.env, 4711)
