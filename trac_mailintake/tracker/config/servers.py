"""Stored mail servers: typed, checked when saved, and never with a plaintext password."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.settings import IMAP, NOT_SHOWN, POP3, Kind, Parameter, Server, SettingError, check
from trac_mailintake.tracker.config.secrets import SecretError, Secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment

    from trac_mailintake.intake.settings import Value

PORTS: Final = {
    (IMAP, "tls"): 993,
    (IMAP, "starttls"): 143,
    (IMAP, "none"): 143,
    (POP3, "tls"): 995,
    (POP3, "starttls"): 110,
    (POP3, "none"): 110,
}
"""Default ports, by protocol and security."""

PARAMETERS: Final = (
    Parameter("protocol", Kind.CHOICE, IMAP, "What the server speaks", choices=(IMAP, POP3)),
    Parameter("host", Kind.TEXT, "", "Name or address of the host"),
    Parameter(
        "port", Kind.INTEGER, None, "The usual one of protocol and security unless given", minimum=1, maximum=65535
    ),
    Parameter(
        "security",
        Kind.CHOICE,
        "tls",
        "Encryption of the connection; never falls back",
        choices=("tls", "starttls", "none"),
    ),
    Parameter("username", Kind.TEXT, "", "Whom to log in as"),
    Parameter("password", Kind.TEXT, "", "Kept encrypted; or env:NAME, or file:/path"),
    Parameter("ca_file", Kind.TEXT, "", "Certificates (PEM) to trust instead of the system's"),
    Parameter("timeout", Kind.INTEGER, 60, "Seconds that any network operation may take", minimum=1, maximum=3600),
    Parameter("description", Kind.TEXT, "", "For people"),
)
_BY_NAME: Final = {parameter.name: parameter for parameter in PARAMETERS}
_COLUMNS: Final = tuple(field.name for field in fields(Server))
_NAME = re.compile(r"[^\W_][\w .@-]{0,59}\Z")
_HOST = re.compile(r"[^\s/@]+\Z")


class Servers:
    """The mail servers of one environment."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._secrets = Secrets(env)

    def all(self) -> list[Server]:
        """All of them, by name."""
        rows = self._env.db_query(f"SELECT {', '.join(_COLUMNS)} FROM mailintake_server ORDER BY name")
        return [Server(*row) for row in rows]

    def get(self, name: str) -> Server:
        """The one with this name. Raises SettingError."""
        servers = {server.name: server for server in self.all()}
        if name not in servers:
            raise SettingError("server", name, ", ".join(servers) or "none yet: `server add` makes one")
        return servers[name]

    def add(self, name: str, typed: Mapping[str, str]) -> Server:
        """Store a new one. Raises SettingError."""
        check_name(name, [server.name for server in self.all()])
        row = {**self._row(typed, {}), "name": name}
        insert(self._env, "mailintake_server", row)
        return self.get(name)

    def set(self, name: str, typed: Mapping[str, str]) -> Server:
        """Change the given settings and keep the rest. Raises SettingError."""
        server = self.get(name)
        row = self._row(typed, {column: getattr(server, column) for column in _COLUMNS})
        with self._env.db_transaction as db:
            self._refuse_protocol(name, str(row["protocol"]))
            db(
                f"UPDATE mailintake_server SET {', '.join(f'{column}=%s' for column in row)} WHERE name=%s",
                (*row.values(), name),
            )
        return self.get(name)

    def remove(self, name: str) -> None:
        """Remove a server that no service uses. Raises SettingError."""
        self.get(name)
        with self._env.db_transaction as db:
            users = self.users(name)
            if users:
                raise SettingError(
                    "server", name, f"a server that no service uses; this one is used by {', '.join(users)}"
                )
            db("DELETE FROM mailintake_server WHERE name=%s", (name,))

    def users(self, name: str) -> list[str]:
        """The names of the services that use it."""
        return [user for user, _kind in self._users(name)]

    def password(self, server: Server) -> str:
        """The password itself. Raises SecretError."""
        try:
            return self._secrets.reveal(server.secret)
        except SecretError as error:
            raise SecretError(f"mail server {server.name}: {error}") from None

    def _users(self, name: str) -> list[tuple[str, str]]:
        rows = self._env.db_query("SELECT name, kind FROM mailintake_service WHERE server=%s ORDER BY name", (name,))
        return [(user, kind) for user, kind in rows]

    def _refuse_protocol(self, name: str, protocol: str) -> None:
        """Refuse another protocol for a server in use, since a service cannot change its kind."""
        for user, kind in self._users(name):
            if kind in _BY_NAME["protocol"].choices and kind != protocol:
                raise SettingError("protocol", protocol, f"{kind}, since the service {user} uses this server")

    def _row(self, typed: Mapping[str, str], before: Mapping[str, Value]) -> dict[str, Value]:
        if not typed.get("port", "x").strip():
            typed = {name: text for name, text in typed.items() if name != "port"}
        given = check(PARAMETERS, typed).values
        row = {name: given[name] if name in typed or name not in before else before[name] for name in _BY_NAME}
        row["port"] = _port(row, before, typed="port" in typed)
        _check_reachable(row)
        del row["password"]
        row["secret"] = before.get("secret", "")
        if "password" in typed:
            row["secret"] = self._keep(typed["password"])
        return row

    def _keep(self, password: str) -> str:
        try:
            return self._secrets.keep(password)
        except SecretError as error:
            raise SettingError("password", NOT_SHOWN, f"what can be kept; {error}") from None


def _port(row: Mapping[str, Value], before: Mapping[str, Value], *, typed: bool) -> Value:
    """The given port, or else the present one, unless that is the default of another protocol or security."""
    usual = PORTS[str(row["protocol"]), str(row["security"])]
    if typed:
        return row["port"]
    if not before or before["port"] == PORTS[str(before["protocol"]), str(before["security"])]:
        return usual
    return before["port"]


def _check_reachable(row: Mapping[str, Value]) -> None:
    host, ca_file = str(row["host"] or ""), str(row["ca_file"] or "")
    if not _HOST.match(host):
        raise SettingError(
            "host", host, "the name or the address of a host, without a scheme, such as mail.example.org"
        )
    if ca_file and not (Path(ca_file).is_absolute() and Path(ca_file).is_file()):
        raise SettingError("ca_file", ca_file, "the absolute path of a file that is there, or nothing")
    if ca_file and row["security"] == "none":
        raise SettingError("ca_file", ca_file, "nothing, since security=none checks no certificate")


def check_name(name: str, taken: list[str]) -> None:
    """Raise SettingError if a server or a service cannot have this name."""
    if not _NAME.match(name) or name != name.strip():
        raise SettingError(
            "name", name, "letters, digits, spaces and . _ @ -, beginning with a letter or digit, up to 60"
        )
    if name.casefold() in (other.casefold() for other in taken):
        raise SettingError("name", name, f"a name that is not taken; taken are {', '.join(taken)}")


def insert(env: Environment, table: str, row: Mapping[str, Value]) -> None:
    """Add a row whose `name` is unique. Raises SettingError if another process has just taken the name."""
    try:
        with env.db_transaction as db:
            db(
                f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
                tuple(row.values()),
            )
    except env.db_exc.IntegrityError:
        raise SettingError("name", row["name"], "a name that is not taken") from None
