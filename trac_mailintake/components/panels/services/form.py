"""The form of a service: its own settings, and a field for each parameter of the chosen handler."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from trac_mailintake.components.panels.form import Field, changed, check_each, fields, typed
from trac_mailintake.intake.model import Afterwards
from trac_mailintake.tracker.config.field_choices import custom_fields, ticket_options
from trac_mailintake.tracker.config.services import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trac.env import Environment
    from trac.web.api import Request

    from trac_mailintake.bootstrap import Settings
    from trac_mailintake.components.panels.form import Errors
    from trac_mailintake.hookspecs import SourceKind
    from trac_mailintake.intake.settings import Parameter

FOLDER: Final = "move_to"
"""The field with the folder of `move`."""

PRESETS: Final = frozenset(
    {"type", "component", "milestone", "version", "priority", "severity", "keywords", "owner", "cc"}
)
"""Trac's own ticket fields that can be preset for new tickets."""

_OWN: Final = {parameter.name: parameter for parameter in PARAMETERS}
_LABELS: Final = {
    "server": "Mail server",
    "folder": "Folder",
    "path": "Path",
    "address": "Own address",
    "delay": "Delay",
    "forward": "Forward to",
    "start": "First run",
    "overdue": "Overdue after",
    "enabled": "Enabled",
    "description": "Description",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The kind of source and the handler of a form; they decide which fields it has."""

    kind: SourceKind
    handler: str


class ServiceForm:
    """The form for a kind of source and a handler."""

    def __init__(self, env: Environment, settings: Settings, choice: Choice) -> None:
        """Raises Misconfiguration when a plugin is wrong."""
        self._env = env
        self._settings = settings
        self.choice = choice
        self.parameters: Sequence[Parameter] = settings.services.parameters(choice.handler)
        self.own: Sequence[Parameter] = [_OWN[name] for name in self._names()]

    def _names(self) -> tuple[str, ...]:
        """The names of the settings that a service of this kind has, without the handler's parameters."""
        kind = self.choice.kind
        place = ("server", "folder") if kind.protocol else () if kind.pushed else ("path",)
        rounds = () if kind.pushed else ("delay", "start", "overdue")
        return ("description", *place, "address", *rounds, "forward", "enabled")

    # what was typed

    def typed(self, req: Request) -> dict[str, str]:
        """All settings and parameters as the form sent them."""
        found = typed(req, (*self.own, *self.parameters))
        if self.choice.kind.afterwards:
            found["afterwards"] = str(req.args.getfirst("afterwards", ""))
            if found["afterwards"] == Afterwards.MOVE.value:
                found["afterwards"] += f":{str(req.args.getfirst(FOLDER, '')).strip()}"
        return found

    def check(self, found: Mapping[str, str]) -> Errors:
        """The errors of each field by itself."""
        errors = check_each((*self.own, *self.parameters), found)
        if found.get("afterwards") == f"{Afterwards.MOVE.value}:":
            errors["afterwards"] = "Missing: the folder to move it to."
        return errors

    def given(self, found: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
        """The settings to save: kind, handler, and those that differ from the stored value or the default."""
        fixed = {"kind": self.choice.kind.name, "handler": self.choice.handler}
        fixed = {name: value for name, value in fixed.items() if before.get(name) != value}
        return {**fixed, **changed((*self.own, *self.parameters), found, before)}

    # what is shown

    def groups(self, values: Mapping[str, str], errors: Mapping[str, str]) -> list[tuple[str, list[Field]]]:
        """Titles with their fields: the service, which mail it takes, what becomes of it, and presets."""
        options = ticket_options(self._env)
        names = PRESETS | {field.name for field in custom_fields(self._env, frozenset())}
        all_ = fields(self.parameters, values, errors, options=options)
        handler = {parameter.name for parameter in self._settings.rules.handlers[self.choice.handler].parameters}
        presets, rest = _parted(all_, names)
        of_handler, of_rules = _parted(rest, handler)
        return [
            ("Where the mail comes from", self._job(values, errors)),
            ("Which mail is taken", of_rules),
            ("What becomes of it", of_handler),
            ("Presets for new tickets", presets),
        ]

    def _job(self, values: Mapping[str, str], errors: Mapping[str, str]) -> list[Field]:
        servers = [each.name for each in self._settings.servers.all() if each.protocol == self.choice.kind.protocol]
        made = fields(self.own, values, errors, labels=_LABELS, options={"server": servers})
        made = [self._amended(field) for field in made]
        if self.choice.kind.afterwards:
            made[-2:-2] = self._afterwards(values, errors)
        return made

    def _amended(self, field: Field) -> Field:
        kind = self.choice.kind
        if field.name == "path":
            return replace(field, help=f"Absolute path of {kind.place or kind.label} on this machine.", size=40)
        if field.name == "start" and not kind.dated:
            return replace(field, control="select", choices=(("all", "all"), ("now", "now")), help=_START)
        if field.name == "start":
            return replace(field, help=f"{_START} Or a date such as 2026-01-31: mail since then.", size=12)
        if field.name == "delay":
            return replace(field, help="Minutes between two rounds.")
        return field

    def _afterwards(self, values: Mapping[str, str], errors: Mapping[str, str]) -> list[Field]:
        kind = self.choice.kind
        word, _, folder = values.get("afterwards", kind.default.value).partition(":")
        words = tuple((each.value, _WORDS[each]) for each in kind.afterwards)
        help_ = "Once a mail is filed, or held: what is done with the mailbox's copy. All mail is archived besides."
        field = Field("afterwards", "Afterwards", "select", word, help_, errors.get("afterwards", ""), words)
        if Afterwards.MOVE not in kind.afterwards:
            return [field]
        return [field, Field(FOLDER, "Move to", value=folder, help="The folder, when it is moved.")]


def _parted(fields_: Sequence[Field], names: Collection[str]) -> tuple[list[Field], list[Field]]:
    """The fields with these names, and the others."""
    return [each for each in fields_ if each.name in names], [each for each in fields_ if each.name not in names]


_START: Final = "Which mail the first run takes: all that lies there, or (now) only what comes later."
_WORDS: Final = {
    Afterwards.DELETE: "delete it",
    Afterwards.MOVE: "move it to a folder",
    Afterwards.SEEN: "mark it as seen",
    Afterwards.LEAVE: "leave it as it is",
}
