"""Checks settings against this environment: its users, and the values of its ticket fields."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from trac.perm import PermissionCache, PermissionSystem
from trac.resource import Resource, resource_exists
from trac.ticket.api import TicketSystem
from trac.ticket.model import Ticket

from trac_mailintake.intake.settings import Kind, Parameter, SettingError
from trac_mailintake.tracker.trac_calls.form_selects import first_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment

    from trac_mailintake.intake.settings import Service, Value

_GROUPS: Final = ("anonymous", "authenticated")
_NOT_PRESET: Final = frozenset({"summary", "description", "reporter", "status", "resolution", "time", "changetime"})
"""Ticket fields that cannot be preset: the mail, the sender or the workflow decides them."""


def custom_fields(env: Environment, taken: frozenset[str]) -> tuple[Parameter, ...]:
    """A parameter for each custom ticket field whose name is not `taken` already: a preset for new tickets."""
    return tuple(
        Parameter(field["name"], Kind.TEXT, "", f"Ticket field {field['label']}, for new tickets")
        for field in TicketSystem(env).get_custom_fields()
        if field["name"] not in taken
    )


def check_choices(env: Environment, typed: Mapping[str, Value], parameters: Mapping[str, Parameter]) -> None:
    """Check users and values of ticket fields against the environment. Raises SettingError."""
    fields = {
        field["name"]: field for field in TicketSystem(env).get_ticket_fields() if field["name"] not in _NOT_PRESET
    }
    for name, value in typed.items():
        if not value:
            continue
        if parameters[name].kind is Kind.USER:
            _check_user(env, name, str(value), trusted=name == "owner")
        elif name in _CHECKS:
            _CHECKS[name](env, str(value))
        elif name in fields:
            _check_option(name, str(value), fields[name])


def check_together(values: Mapping[str, Value]) -> None:
    """Check parameters that exclude each other. Raises SettingError."""
    if values.get("actas") and values.get("reporterusername"):
        name = str(values["reporterusername"])
        raise SettingError("actas", values["actas"], f"nothing beside reporterusername={name}, who is also the author")


def _check_user(env: Environment, name: str, username: str, *, trusted: bool) -> None:
    """`trusted`: an owner of tickets. Otherwise the user acts for strangers, and must not be an administrator."""
    if username in _GROUPS or username not in _usernames(env):
        raise SettingError(
            name, username, "a user of this environment: one who has logged in, or to whom rights were granted"
        )
    if not trusted and "TRAC_ADMIN" in PermissionCache(env, username):
        raise SettingError(name, username, "a user without TRAC_ADMIN, since anybody's mail acts as that user")


def _usernames(env: Environment) -> frozenset[str]:
    known = {username for username, _name, _email in env.get_known_users()}
    granted = {subject for subject, _action in PermissionSystem(env).get_all_permissions()}
    return frozenset(known | granted)


def _check_option(name: str, value: str, field: Mapping[str, object]) -> None:
    options = field.get("options")
    if isinstance(options, list) and value not in options:
        raise SettingError(name, value, ", ".join(str(option) for option in options) or "nothing, there is none yet")


def _check_project(env: Environment, value: str) -> None:
    """JIRA's `project` chooses among projects; here there is only one, which the value must name."""
    key = env.config.get("mailintake", "project_key").strip()
    names = [name for name in (os.path.basename(env.path), env.project_name, key) if name]
    if value.casefold() not in {name.casefold() for name in names}:
        raise SettingError("project", value, f"nothing, or what this environment is called: {', '.join(names)}")


def _check_issuetype(env: Environment, value: str) -> None:
    types = ticket_types(env)
    if type_named(env, value) not in types:
        numbered = ", ".join(f"{number} ({name})" for number, name in enumerate(types, 1))
        raise SettingError("issuetype", value, numbered or "nothing, there is no ticket type")


_CHECKS: Final = {"project": _check_project, "issuetype": _check_issuetype}
"""Checks of parameters that are not ticket fields, but depend on the environment."""


def type_named(env: Environment, wanted: str) -> str:
    """The ticket type with this name, or else with this position (JIRA's `issuetype=1`)."""
    types = ticket_types(env)
    if wanted in types or not wanted.isascii() or not wanted.isdigit():
        return wanted
    return types[int(wanted) - 1] if 0 < int(wanted) <= len(types) else wanted


def ticket_types(env: Environment) -> list[str]:
    """The ticket types in their order."""
    fields = TicketSystem(env).get_ticket_fields()
    return [str(option) for field in fields if field["name"] == "type" for option in field["options"]]


def filled_by_form(env: Environment, service: Service) -> tuple[str, ...]:
    """What new tickets get that neither the service nor Trac's defaults say, one sentence for each field."""
    if "component" not in service.parameters.values:
        return ()
    return tuple(
        f"{name}: new tickets get {value!r}, the first option, as from Trac's form if nobody chooses another. To choose"
        f" one, set {name}=… here, or a default in trac.ini"
        for name, value in first_options(env, Ticket(env)).items()
        if value and not service.parameters.values.get(name)
    )


def strangers_are_held(env: Environment, service: Service) -> bool:
    """Whether strangers' mail is held: nobody's rights count for them, and `anonymous` has no TICKET_CREATE."""
    acting = service.strangers.reporterusername or service.strangers.actas
    return not acting and "TICKET_CREATE" not in PermissionCache(env, "anonymous")


def check_ticket(env: Environment, number: int) -> None:
    """Raise SettingError if the ticket does not exist."""
    if not resource_exists(env, Resource("ticket", number)):
        raise SettingError("ticket", number, "the number of a ticket that is there, or `new`")


def ticket_options(env: Environment) -> dict[str, tuple[str, ...]]:
    """The allowed values of ticket fields that have a list of values, by the field's name."""
    return {
        field["name"]: tuple(str(option) for option in field["options"])
        for field in TicketSystem(env).get_ticket_fields()
        if field["name"] not in _NOT_PRESET and isinstance(field.get("options"), list)
    }
