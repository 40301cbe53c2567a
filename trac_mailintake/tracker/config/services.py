"""Stored services: typed, checked when saved, and when they run next.

New services and changes go through the same check: a change is merged into the stored settings first.
Rules, handlers and kinds of source are loaded only when a service is read or written, so that `due` costs one query.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from trac.util.datefmt import datetime_now, to_utimestamp, utc

from trac_mailintake.intake.model import Afterwards, Disposition
from trac_mailintake.intake.settings import NOT_SHOWN, Kind, Parameter, Service, SettingError, check, disposition, start
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config import schedule
from trac_mailintake.tracker.config.field_choices import check_choices, check_together, custom_fields
from trac_mailintake.tracker.config.servers import Servers, check_name, insert
from trac_mailintake.tracker.db.transaction import MINUTE, temporary, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trac.env import Environment

    from trac_mailintake.hookspecs import Handler, SourceKind
    from trac_mailintake.intake.model import Left
    from trac_mailintake.intake.settings import Value

T = TypeVar("T")

PARAMETERS: Final = (
    Parameter("kind", Kind.TEXT, "", "Where the mail comes from"),
    Parameter("server", Kind.TEXT, "", "Mail server, for the kinds that need one"),
    Parameter("folder", Kind.TEXT, "INBOX", "Folder on the mail server"),
    Parameter("path", Kind.TEXT, "", "Absolute path, for the kinds that read files"),
    Parameter("address", Kind.ADDRESSES, (), "The service's own address or addresses"),
    Parameter("delay", Kind.INTEGER, 1, "Minutes between two rounds", maximum=525_600),
    Parameter("handler", Kind.TEXT, "create-or-comment", "What turns a mail into a change"),
    Parameter("forward", Kind.ADDRESS, "", "Where to send what is not handled"),
    Parameter("afterwards", Kind.TEXT, "", "What is done with the mailbox's copy"),
    Parameter("start", Kind.TEXT, "all", "Which mails of the first round count"),
    Parameter(
        "overdue",
        Kind.INTEGER,
        60,
        "Minutes without a round that goes well after which the administrator is told, and again when one does; at"
        " least three times the delay. 0: never",
        maximum=525_600,
    ),
    Parameter("enabled", Kind.BOOLEAN, default=True, help="Whether it runs"),
    Parameter("description", Kind.TEXT, "", "For people"),
)
_OWN: Final = {parameter.name: parameter for parameter in PARAMETERS}
_TYPED: Final = tuple("addresses" if name == "address" else name for name in _OWN)
_TIMES: Final = ("created", "next_run", "last_run", "last_success", "last_result", "stopped", "resumed")
_WATCHED: Final = ("told", "failed", "failures", "last_error", "waiting", "oldest", "unclaimed", "unclaimed_since")
"""Columns for monitoring only; not part of a `Service`."""
_COLUMNS: Final = ("id", "name", *_TYPED, "parameters", *_TIMES, *_WATCHED)
_BLANK_MEANS_DEFAULT: Final = frozenset({Kind.INTEGER, Kind.SIZE, Kind.BOOLEAN, Kind.CHOICE})


class Catalogue(Protocol):
    """What a service can be made of: `plugins.hooks.Rules`."""

    @property
    def kinds(self) -> Mapping[str, SourceKind]:
        """Kinds of source by name."""

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Handlers by name."""

    def parameters(self, handler: str) -> Sequence[Parameter]:
        """All parameters of a service that has this handler."""


class Services:
    """The services of one environment. `catalogue` is called when it is first needed.

    All methods that query the database raise TemporaryFailure while it is locked or gone.
    """

    def __init__(self, env: Environment, catalogue: Callable[[], Catalogue]) -> None:
        self._env = env
        self._catalogue = catalogue

    # what is stored

    def rows(self) -> list[dict[str, Value]]:
        """All services as stored, by name. Calls no plugin."""
        query = f"SELECT {', '.join(_COLUMNS)} FROM mailintake_service ORDER BY name"
        with temporary(self._env):
            return [dict(zip(_COLUMNS, row, strict=True)) for row in self._env.db_query(query)]

    def names(self) -> list[str]:
        """The names of all services."""
        with temporary(self._env):
            return [name for (name,) in self._env.db_query("SELECT name FROM mailintake_service ORDER BY name")]

    def all(self) -> list[Service]:
        """All services. Raises SettingError if one is no longer valid, for example because its plugin is gone."""
        return [self._service(row) for row in self.rows()]

    def get(self, name: str) -> Service:
        """The one with this name. Raises SettingError."""
        return self._service(self._row(name))

    def parameters(self, handler: str) -> tuple[Parameter, ...]:
        """The parameters of a service with this handler, including this environment's custom ticket fields."""
        known = tuple(self._catalogue().parameters(handler))
        taken = frozenset(parameter.name for parameter in known) | _OWN.keys()
        return known + custom_fields(self._env, taken)

    def typed(self, name: str) -> dict[str, str]:
        """The settings and parameters, by name, that would create the same service."""
        row = self._row(name)
        own = {each: parameter.write(row[_column(each)]) for each, parameter in _OWN.items()}
        own["enabled"] = "true" if row["enabled"] else "false"
        return own | json.loads(str(row["parameters"]))

    # changing it

    def add(self, name: str, typed: Mapping[str, str]) -> Service:
        """Store a new service. Raises SettingError."""
        check_name(name, self.names())
        insert(self._env, "mailintake_service", self._fresh(name, typed))
        return self.get(name)

    def stand_in(self, name: str) -> Service:
        """A service with all defaults, for mail of one that was removed. It is not stored, and takes no mail."""
        kind = next(each.name for each in self._catalogue().kinds.values() if each.pushed)
        row = {"id": 0, **self._fresh(name, {"kind": kind})}
        return self._service({column: row[column] for column in _COLUMNS})

    def _fresh(self, name: str, typed: Mapping[str, str]) -> dict[str, Value]:
        row = self._checked(typed, typed)
        row |= {"name": name, "created": to_utimestamp(datetime_now(utc)), "failure": "", "failures": 0}
        row |= {"next_run": 0, "last_run": 0, "last_success": 0, "last_result": "", "stopped": "", "resumed": 0}
        row |= {"told": 0, "failed": 0, "last_error": "", "waiting": 0, "oldest": 0}
        return row | {"unclaimed": 0, "unclaimed_since": 0}

    def set(self, name: str, typed: Mapping[str, str]) -> Service:
        """Change the given settings, keep the rest. Enabling a service clears why it stopped. Raises SettingError."""
        before = self.typed(name)
        if (
            typed.get("handler", before["handler"]) != before["handler"]
            and typed["handler"] in self._catalogue().handlers
        ):
            kept = _OWN.keys() | {parameter.name for parameter in self.parameters(typed["handler"])}
            before = {each: text for each, text in before.items() if each in kept}
        row = self._checked({**before, **typed}, typed)
        if "enabled" in typed and row["enabled"]:
            row |= {"stopped": "", "failure": "", "failures": 0, "next_run": 0, "told": 0}
            row["resumed"] = to_utimestamp(datetime_now(utc))
        self._update(name, row)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Remove a service; its journal stays. Raises SettingError while it has held mail."""
        self._row(name)
        with transaction(self._env) as db:
            held = db("SELECT COUNT(*) FROM mailintake_delivery WHERE service=%s AND state='held'", (name,))[0][0]
            if held:
                raise SettingError(
                    "service", name, f"a service without held mail; {held} held: see `held list service={name}`"
                )
            db("DELETE FROM mailintake_service WHERE name=%s", (name,))

    # when it runs

    def due(self, now: Microseconds) -> list[str]:
        """Names of the services to run at `now`: see `schedule.due`."""
        return schedule.due(self._env, now)

    def begin(self, name: str) -> None:
        """Note that a round begins: the next one is due after the service's delay.

        In a stopped service the circuit breaker decides about `next_run`, so this leaves it.
        """
        now = to_utimestamp(datetime_now(utc))
        delay = int(str(self._row(name)["delay"]))
        with transaction(self._env) as db:
            db(
                """UPDATE mailintake_service SET last_run=%s, next_run=CASE WHEN stopped='' THEN %s ELSE next_run END
                   WHERE name=%s""",
                (now, now + delay * MINUTE, name),
            )

    def finish(self, name: str, *, error: str, result: str, left: Left | None = None, undisposed: bool = False) -> None:
        """Store that a round has ended; `result` is its line. With `left` None the stored backlog stays.

        If all mail was filed, but not all copies were disposed of (`undisposed`), the first run is over all the same:
        its mail does not count for rates, later mail does.
        """
        moment = to_utimestamp(datetime_now(utc))
        row: dict[str, Value] = {"last_result": result}
        row |= {"last_error": error, "failed": moment} if error else {"last_success": moment}
        if undisposed and not self._row(name)["last_success"]:
            row["last_success"] = moment - 1  # before `failed`: the service is failing
        if left is not None:
            row |= {"waiting": left.number, "oldest": left.oldest or self._left_since(name, left, Microseconds(moment))}
            row |= {"unclaimed": left.unclaimed, "unclaimed_since": left.unclaimed_since}
        self._update(name, row)

    # inside

    def _left_since(self, name: str, left: Left, moment: Microseconds) -> int:
        """Since when mail is left of which nobody knows when it arrived, as over POP3: the first such round."""
        before = self._row(name)
        known = int(str(before["oldest"] or 0)) if before["waiting"] else 0
        return (known or moment) if left.number else 0

    def _update(self, name: str, row: Mapping[str, Value]) -> None:
        columns = ", ".join(f"{column}=%s" for column in row)
        with transaction(self._env) as db:
            db(f"UPDATE mailintake_service SET {columns} WHERE name=%s", (*row.values(), name))

    def _row(self, name: str) -> dict[str, Value]:
        rows = {str(row["name"]): row for row in self.rows()}
        if name not in rows:
            raise SettingError("service", name, ", ".join(rows) or "none yet: `service add` makes one")
        return rows[name]

    def _service(self, row: dict[str, Value]) -> Service:
        handler = str(row["handler"])
        _one_of("handler", handler, self._catalogue().handlers)
        known = tuple(self._catalogue().parameters(handler))
        presets = custom_fields(self._env, frozenset(each.name for each in known) | _OWN.keys())
        values = check((*known, *presets), json.loads(str(row["parameters"])))
        word, _, folder = str(row["afterwards"]).partition(":")
        row = {each: value for each, value in row.items() if each not in _WATCHED} | {
            "enabled": bool(row["enabled"]),
            "addresses": tuple(filter(None, str(row["addresses"]).split(","))),
            "pushed": self._pushed(str(row["kind"])),
            "presets": tuple(each.name for each in presets),
        }
        return Service(**row | {"parameters": values, "afterwards": Disposition(Afterwards(word), folder)})  # type: ignore[arg-type]  # columns and fields have the same names and types

    def _pushed(self, kind: str) -> bool:
        """Whether mail is handed to a source of this kind; false when the plugin that offered it is gone."""
        known = self._catalogue().kinds.get(kind)
        return known is not None and known.pushed

    def _checked(self, typed: Mapping[str, str], fresh: Mapping[str, str]) -> dict[str, Value]:
        """The checked row for `typed` (stored and new settings); `fresh` are only the new ones."""
        own = dict(check(PARAMETERS, {name: text for name, text in typed.items() if name in _OWN}).values)
        kind = _one_of("kind", str(own["kind"]), self._catalogue().kinds)
        own |= self._place(kind, own, fresh)
        own["afterwards"] = _afterwards(kind, typed, fresh)
        own["start"] = start(str(own["start"]), dated=kind.dated)
        own["addresses"] = ",".join(_words(own.pop("address")))
        own["enabled"] = int(bool(own["enabled"]))
        own["parameters"] = self._parameters(str(own["handler"]), typed, fresh)
        return own

    def _place(self, kind: SourceKind, own: Mapping[str, Value], fresh: Mapping[str, str]) -> dict[str, Value]:
        """Server and folder, or path, as the kind needs; new settings that it cannot use are refused."""
        server, path = str(own["server"]), str(own["path"])
        if kind.protocol:
            _refuse(kind, fresh, "path")
            fitting = [each.name for each in Servers(self._env).all() if each.protocol == kind.protocol]
            if server not in fitting:
                wanted = ", ".join(fitting) or f"a mail server that speaks {kind.protocol}; there is none yet"
                raise SettingError("server", server, wanted)
            return {"path": ""}
        _refuse(kind, fresh, "server", "folder")
        if kind.pushed:
            _refuse(kind, fresh, "path")
            return {"server": "", "folder": "", "path": ""}
        if not path.startswith("/"):
            raise SettingError("path", path, f"an absolute path, which {kind.name} needs")
        return {"server": "", "folder": ""}

    def _parameters(self, handler: str, typed: Mapping[str, str], fresh: Mapping[str, str]) -> str:
        _one_of("handler", handler, self._catalogue().handlers)
        by_name = {parameter.name: parameter for parameter in self.parameters(handler)}
        others = {name: text for name, text in typed.items() if name not in _OWN}
        _refuse_unknown(others, by_name)
        theirs = {name: text for name, text in others.items() if not _means_default(by_name[name], text)}
        values = check(by_name.values(), theirs)
        check_choices(self._env, {name: values.values[name] for name in theirs if name in fresh}, by_name)
        check_together(values.values)
        return json.dumps({name: by_name[name].write(values.values[name]) for name in sorted(theirs)})


def _refuse_unknown(typed: Mapping[str, str], parameters: Mapping[str, Parameter]) -> None:
    for name in typed:
        if name not in parameters:
            allowed = f"the settings {', '.join(_OWN)}; the parameters {', '.join(sorted(parameters)) or '(none)'}"
            raise SettingError(name, NOT_SHOWN, allowed)  # it may be `password`, which is a mail server's


def _means_default(parameter: Parameter, typed: str) -> bool:
    """Whether the input is blank, and no value of the parameter can be."""
    return parameter.kind in _BLANK_MEANS_DEFAULT and not typed.strip()


def _column(name: str) -> str:
    return "addresses" if name == "address" else name


def _words(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _one_of(name: str, value: str, choices: Mapping[str, T]) -> T:
    if value not in choices:
        raise SettingError(name, value, ", ".join(sorted(choices)))
    return choices[value]


def _refuse(kind: SourceKind, fresh: Mapping[str, str], *names: str) -> None:
    for name in names:
        if fresh.get(name, "").strip():
            raise SettingError(name, fresh[name], f"nothing, since {kind.name} has none")


def _afterwards(kind: SourceKind, typed: Mapping[str, str], fresh: Mapping[str, str]) -> str:
    """The given value, or else the kind's default; the value of another kind is not carried over."""
    text = typed.get("afterwards", "").strip()
    if "kind" in fresh and "afterwards" not in fresh:
        text = ""
    if not kind.afterwards:
        _refuse(kind, fresh, "afterwards")
        return str(Disposition(Afterwards.LEAVE))
    return str(disposition(text or kind.default.value, kind.afterwards, kind.name))
