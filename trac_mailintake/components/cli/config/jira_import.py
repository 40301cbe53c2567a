"""Import JIRA's handler parameters, one string with commas, and say which cannot be imported, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.settings import SettingError
from trac_mailintake.tracker.config.field_choices import check_choices
from trac_mailintake.tracker.people.account_manager import Accounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trac.env import Environment

    from trac_mailintake.intake.settings import Parameter, Service

_ELSEWHERE: Final = {
    "port": "it is a setting of the mail server",
    "usessl": "it is a setting of the mail server: security=tls",
    "popserver": "it is the service's setting server",
    "server": "it is the service's setting server",
    "foldername": "it is the service's setting folder",
    "forwardemail": "it is the service's setting forward",
    "delay": "it is a setting of the service",
}
_ASSIGNING: Final = "ccassignee"
"""On by default in JIRA, off by default here."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of an import: settings as typed here, and a sentence for each part that was left out."""

    settings: Mapping[str, str]
    left_out: tuple[str, ...]


def take_over(env: Environment, typed: str, parameters: Iterable[Parameter]) -> Taken:
    """Sort JIRA's parameters into those that a handler with `parameters` accepts, and the rest."""
    by_name = {parameter.name: parameter for parameter in parameters}
    settings: dict[str, str] = {}
    left_out = []
    for name, value in _pairs(typed):
        why = _objection(env, name, value, by_name)
        if why:
            left_out.append(f"{name}={value}: {why}" if value or name in by_name else f"{name}: {why}")
        else:
            settings[name] = value
    if _ASSIGNING in by_name:
        settings.setdefault(_ASSIGNING, "true")
    return Taken(settings, tuple(left_out))


def advice(env: Environment, service: Service) -> Iterator[str]:
    """What else must be configured so that the service does what JIRA did, one sentence each."""
    if service.automatic_mail.bulk == "forward" and not service.forward:
        yield "bulk=forward needs a forward address; until forward=ADDRESS is set, automatic mail is held."
    if service.strangers.createusers and not Accounts(env).writable:
        yield (
            "createusers makes accounts with AccountManager and a password store that it can write; "
            "there is none, so people are only remembered."
        )


def _pairs(typed: str) -> Iterator[tuple[str, str]]:
    """Names and values; JIRA allows no comma in either. The case of names is ignored."""
    for word in typed.split(","):
        name, _, value = word.partition("=")
        if word.strip():
            yield name.strip().casefold(), value.strip()


def _objection(env: Environment, name: str, value: str, by_name: Mapping[str, Parameter]) -> str:
    """Why a parameter cannot be imported, or "" if it can."""
    if name not in by_name:
        return _ELSEWHERE.get(name, "there is no such parameter here, or not for this handler")
    try:
        check_choices(env, {name: by_name[name].read(value)}, by_name)
    except SettingError as error:
        return f"not allowed. Allowed: {error.allowed}"
    return ""
