"""`mailintake server ...`: the accounts from which mail is fetched."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from trac.admin.api import IAdminCommandProvider
from trac.core import Component, implements

from trac_mailintake.components.cli.arguments import Exit, read, starting, told
from trac_mailintake.components.cli.output import complain, say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trac_mailintake.intake.settings import Server
    from trac_mailintake.tracker.config.servers import Servers

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]

_SETTINGS = """Settings: protocol=imap|pop3, host, port, security=tls|starttls|none, username, password,
    ca_file, timeout (seconds), description. The password is kept encrypted; it may also be
    env:NAME or file:/path, and password=- asks for it, or reads a line of standard input."""


class ServerCommands(Component):
    """Lists, adds, changes, removes and tests mail servers."""

    implements(IAdminCommandProvider)

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """The commands."""
        yield ("mailintake server list", "[--json]", "List the mail servers", None, self._list)
        yield (
            "mailintake server add",
            "<name> <setting=value> [...]",
            f"Add a mail server\n\n    {_SETTINGS}",
            None,
            self._add,
        )
        yield (
            "mailintake server set",
            "<name> <setting=value> [...]",
            f"Change settings of a mail server\n\n    {_SETTINGS}",
            self._complete,
            self._set,
        )
        yield ("mailintake server remove", "<name>", "Remove a mail server", self._complete, self._remove)
        yield (
            "mailintake server test",
            "<name> [--trace] [--json]",
            "Log in to a mail server and list its folders\n\n    --trace prints the dialogue, without the password.",
            self._complete,
            self._test,
        )

    # inside

    def _servers(self) -> Servers:
        from trac_mailintake.tracker.config.servers import Servers  # noqa: PLC0415 - an idle `run` does without

        return Servers(self.env)

    def _complete(self, typed: list[str]) -> list[str]:
        return starting([server.name for server in self._servers().all()], typed)

    def _list(self, *typed: str) -> int:
        wanted = read(typed, flags=("--json",))
        servers = self._servers().all()
        if wanted.flag("--json"):
            say_json([_shown(server) for server in servers])
            return Exit.WELL
        headers = ("name", "protocol", "host", "port", "security", "username", "password", "description")
        rows = [[_shown(server)[header] for header in headers] for server in servers]
        say_table(rows, [header.capitalize() for header in headers], "There is no mail server yet.")
        return Exit.WELL

    def _add(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1, settings=True)
        with told():
            server = self._servers().add(wanted.words[0], _with_password(wanted.settings))
        say(f"Mail server {server.name} added: {server.protocol} at {server.host}:{server.port}, {server.security}.")
        return Exit.WELL

    def _set(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1, settings=True)
        with told():
            server = self._servers().set(wanted.words[0], _with_password(wanted.settings))
        say(f"Mail server {server.name} is now {server.protocol} at {server.host}:{server.port}, {server.security}.")
        return Exit.WELL

    def _remove(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1)
        with told():
            self._servers().remove(wanted.words[0])
        say(f"Mail server {wanted.words[0]} removed.")
        return Exit.WELL

    def _test(self, *typed: str) -> int:
        from trac_mailintake.intake.ports import SourceError  # noqa: PLC0415 - an idle `run` does without
        from trac_mailintake.sources.connection_check import probe  # noqa: PLC0415 - likewise

        wanted = read(typed, least=1, most=1, flags=("--trace", "--json"))
        servers = self._servers()
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
        return Exit.WELL


def _shown(server: Server) -> dict[str, object]:
    """What may be shown: of the password only where it is."""
    from trac_mailintake.tracker.config.secrets import where  # noqa: PLC0415 - an idle `run` does without

    names = ("name", "protocol", "host", "port", "security", "username")
    shown: dict[str, object] = {name: getattr(server, name) for name in names}
    shown["password"] = where(server.secret)
    return shown | {name: getattr(server, name) for name in ("ca_file", "timeout", "description")}


def _with_password(typed: Mapping[str, str]) -> dict[str, str]:
    """With the password asked for when it is `-`, so that it stands in no list of processes."""
    if typed.get("password") != "-":
        return dict(typed)
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    return {**typed, "password": password}
