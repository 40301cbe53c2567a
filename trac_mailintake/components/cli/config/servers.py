"""`mailintake server ...`: the mail servers to fetch mail from."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from trac_mailintake.components.cli.arguments import Exit, read, starting, told
from trac_mailintake.components.cli.output import complain, say, say_json, say_table
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Afterwards
from trac_mailintake.runs import open_intake
from trac_mailintake.sources.connection_check import probe
from trac_mailintake.tracker.config.secrets import where
from trac_mailintake.tracker.config.servers import Servers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment

    from trac_mailintake.bootstrap import Settings
    from trac_mailintake.intake.settings import Server, Service


class ServerActions:
    """Lists, adds, changes, removes and tests mail servers."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._servers = Servers(env)

    def complete(self, typed: list[str]) -> list[str]:
        """Names of mail servers."""
        return starting([server.name for server in self._servers.all()], typed)

    def list_(self, *typed: str) -> int:
        """`mailintake server list`."""
        wanted = read(typed, flags=("--json",))
        servers = self._servers.all()
        if wanted.flag("--json"):
            say_json([_shown(server) for server in servers])
            return Exit.WELL
        headers = ("name", "protocol", "host", "port", "security", "username", "password", "description")
        rows = [[_shown(server)[header] for header in headers] for server in servers]
        say_table(rows, [header.capitalize() for header in headers], "There is no mail server yet.")
        return Exit.WELL

    def add(self, *typed: str) -> int:
        """`mailintake server add`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1, settings=True)
        with told():
            server = self._servers.add(wanted.words[0], _with_password(wanted.settings))
        say(f"Mail server {server.name} added: {server.protocol} at {server.host}:{server.port}, {server.security}.")
        return Exit.WELL

    def set_(self, *typed: str) -> int:
        """`mailintake server set`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1, settings=True)
        with told():
            server = self._servers.set(wanted.words[0], _with_password(wanted.settings))
        say(f"Mail server {server.name} is now {server.protocol} at {server.host}:{server.port}, {server.security}.")
        return Exit.WELL

    def remove(self, *typed: str) -> int:
        """`mailintake server remove`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1)
        with told():
            self._servers.remove(wanted.words[0])
        say(f"Mail server {wanted.words[0]} removed.")
        return Exit.WELL

    def test(self, *typed: str) -> int:
        """`mailintake server test`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1, flags=("--trace", "--json"))
        servers = self._servers
        with told():
            server = servers.get(wanted.words[0])
        try:
            folders = probe(server, lambda: servers.password(server), complain if wanted.flag("--trace") else None)
        except SourceError as error:
            complain(f"{server.name}: {error}")
            return Exit.UNREACHABLE
        if wanted.flag("--json"):
            say_json([{"folder": folder, "mails": number} for folder, number in folders])
        else:
            say_table(folders, ("Folder", "Mails"), f"{server.name} could be reached; it shows no folder.")
        return self._test_services(server, quiet=wanted.flag("--json"))

    def _test_services(self, server: Server, *, quiet: bool) -> Exit:
        """Print where the services on this mail server move mail to, and what it lacks for them.

        A missing folder is made, as the runs do it.
        """
        settings = open_intake.settings(self._env)
        services = [each for each in settings.services.all() if each.server == server.name]
        results = [self._test_service(settings, service, quiet=quiet) for service in services]
        return Exit.WELL if all(results) else Exit.UNREACHABLE

    def _test_service(self, settings: Settings, service: Service, *, quiet: bool) -> bool:
        """Whether all is well with a service, as far as its mail server is concerned."""
        found, trouble, advice = "", "", ""
        if service.afterwards.word is Afterwards.MOVE:
            found, trouble = settings.target(service)
        if service.recipients.catchemail:
            try:
                advice = settings.advice(service)
            except SourceError as error:
                trouble = trouble or str(error)
        if trouble:
            complain(f"{service.name}: {trouble}")
        for each in filter(None, (found, advice)) if not quiet else ():
            say(f"{service.name}: {each}")
        return not trouble


def _shown(server: Server) -> dict[str, object]:
    """The settings that may be shown; instead of the password, only where it is stored."""
    names = ("name", "protocol", "host", "port", "security", "username")
    shown: dict[str, object] = {name: getattr(server, name) for name in names}
    shown["password"] = where(server.secret)
    return shown | {name: getattr(server, name) for name in ("ca_file", "timeout", "description")}


def _with_password(typed: Mapping[str, str]) -> dict[str, str]:
    """Prompt for the password if it is `-`, so that it does not appear in the process list."""
    if typed.get("password") != "-":
        return dict(typed)
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    return {**typed, "password": password}
