"""`mailintake service ...`: the recurring jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import IAdminCommandProvider
from trac.core import Component, implements

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import Exit, read, starting, told
from trac_mailintake.components.cli.output import say, say_json, say_table, when

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.bootstrap import Settings
    from trac_mailintake.intake.settings import Service, Value

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]

_SETTINGS = """Settings: kind, server and folder (or path), address, delay (minutes), handler, forward,
    afterwards=delete|move:FOLDER|seen|leave, start=all|now|DATE, enabled, description; and the
    parameters of the handler, such as stripquotes=true, and custom ticket fields."""

HANDLER = "create-or-comment"
"""What JIRA's parameters are for, unless another handler is named."""

MAIL_QUEUE = "Mail queue"
"""The built-in service that delivers what intake sends; there is one, always."""


class ServiceCommands(Component):
    """Lists, adds, changes, removes, enables and disables services."""

    implements(IAdminCommandProvider)

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """The commands."""
        yield ("mailintake service list", "[--json]", "List the services", None, self._list)
        yield (
            "mailintake service add",
            "<name> kind=<kind> <setting=value> [...]",
            f"Add a service\n\n    {_SETTINGS}",
            None,
            self._add,
        )
        yield (
            "mailintake service set",
            "<name> <setting=value> [...]",
            f"Change settings of a service\n\n    {_SETTINGS}",
            self._complete,
            self._set,
        )
        yield (
            "mailintake service import-jira",
            "<name> <parameters> [<setting=value> ...]",
            f"""Add a service with JIRA's handler parameters, or give them to one

    <parameters> is JIRA's string, such as "project=JRA, issuetype=1, bulk=forward".
    What it says that cannot be taken over is left out, and named.

    {_SETTINGS}""",
            self._complete,
            self._import_jira,
        )
        yield (
            "mailintake service remove",
            "<name>",
            "Remove a service that holds no mail; its journal stays",
            self._complete,
            self._remove,
        )
        yield ("mailintake service enable", "<name>", "Let a service run", self._complete, self._enable)
        yield ("mailintake service disable", "<name>", "Let a service run no more", self._complete, self._disable)

    # inside

    def _complete(self, typed: list[str]) -> list[str]:
        return starting(bridge.settings(self.env).services.names(), typed)

    def _list(self, *typed: str) -> int:
        wanted = read(typed, flags=("--json",))
        with told():
            settings = bridge.settings(self.env)
            services = settings.services
            stored = services.rows()
        if wanted.flag("--json"):
            say_json([{**row, "parameters": services.typed(str(row["name"]))} for row in stored])
            return Exit.WELL
        rows = [
            (row["name"], row["kind"], _place(row), row["handler"], row["delay"], _state(row), _next(row))
            for row in stored
        ]
        rows.append((MAIL_QUEUE, "built-in", "", "", "", "with every run", ""))
        headers = ("Name", "Kind", "Where", "Handler", "Delay", "State", "Next run")
        say_table(rows, headers, "")
        return Exit.WELL

    def _add(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1, settings=True)
        with told():
            settings = bridge.settings(self.env)
            service = settings.services.add(wanted.words[0], wanted.settings)
        say(f"Service {service.name} added: {service.kind}, {service.handler}, afterwards={service.afterwards}.")
        self._say_waiting(settings, service)
        self._warn_of_strangers(service)
        self._warn_of_power_cuts()
        return Exit.WELL

    def _set(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1, settings=True)
        with told():
            service = bridge.settings(self.env).services.set(wanted.words[0], wanted.settings)
        say(f"Service {service.name} changed.")
        self._warn_of_strangers(service)
        return Exit.WELL

    def _import_jira(self, *typed: str) -> int:
        from trac_mailintake.components.cli.config.jira_import import (  # noqa: PLC0415 - done once in a life
            advice,
            take_over,
        )

        wanted = read(typed, least=2, most=2, settings=True)
        name, words = wanted.words
        with told():
            services = bridge.settings(self.env).services
            there = name in services.names()
            handler = wanted.settings.get("handler") or (services.typed(name)["handler"] if there else HANDLER)
            taken = take_over(self.env, words, services.parameters(handler))
            settings = {**taken.settings, "handler": handler, **wanted.settings}
            service = services.set(name, settings) if there else services.add(name, settings)
        say(f"Service {name} {'changed' if there else 'added'}: {service.kind}, {handler}.")
        say("Taken over: " + (", ".join(f"{each}={value}" for each, value in taken.settings.items()) or "nothing"))
        for sentence in taken.left_out:
            say(f"Left out: {sentence}")
        for sentence in advice(self.env, service):
            say(f"Note: {sentence}")
        self._warn_of_strangers(service)
        if not there:
            self._warn_of_power_cuts()
        return Exit.WELL

    def _remove(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1)
        with told():
            bridge.settings(self.env).services.remove(wanted.words[0])
        say(f"Service {wanted.words[0]} removed. Its journal stays.")
        return Exit.WELL

    def _enable(self, *typed: str) -> int:
        return self._switch(typed, "true", "runs from now on")

    def _disable(self, *typed: str) -> int:
        return self._switch(typed, "false", "runs no more")

    def _switch(self, typed: tuple[str, ...], value: str, sentence: str) -> int:
        wanted = read(typed, least=1, most=1)
        with told():
            bridge.settings(self.env).services.set(wanted.words[0], {"enabled": value})
        say(f"Service {wanted.words[0]} {sentence}.")
        return Exit.WELL

    def _say_waiting(self, settings: Settings, service: Service) -> None:
        """How many mails the first run will find, if the mailbox can be reached now; a pipe has none."""
        from trac_mailintake.intake.ports import SourceError  # noqa: PLC0415 - an idle `run` does without

        if not service.server and not service.path:
            return
        try:
            number = settings.waiting(service)
        except SourceError as error:
            say(f"How many mails wait could not be found out: {error}")
            return
        begins = {"all": "the first run takes them all", "now": "the first run leaves these and takes what comes later"}
        mails = "1 mail waits" if number == 1 else f"{number} mails wait"
        say(f"{mails}; {begins.get(service.start, f'the first run takes those since {service.start}')}.")

    def _warn_of_strangers(self, service: Service) -> None:
        from trac_mailintake.tracker.config.field_choices import strangers_may_create  # noqa: PLC0415 - as above

        if service.parameters.values.get("reporterusername") or strangers_may_create(self.env):
            return
        say(
            "Note: strangers' mail will be held, since anonymous has no TICKET_CREATE. To file it, name a user whose"
            f" rights count for strangers (`service set {service.name} reporterusername=USER`), or grant"
            " TICKET_CREATE to anonymous."
        )

    def _warn_of_power_cuts(self) -> None:
        from trac_mailintake.tracker.db.durable import weaknesses  # noqa: PLC0415 - as above

        with told():
            for sentence in weaknesses(self.env):
                say(f"Note: {sentence}")


def _place(row: dict[str, Value]) -> str:
    return f"{row['server']}/{row['folder']}" if row["server"] else str(row["path"])


def _next(row: dict[str, Value]) -> str:
    if not row["enabled"] or row["stopped"] or not (row["server"] or row["path"]):
        return "never"
    return when(row["next_run"]) if row["next_run"] else "now"


def _state(row: dict[str, Value]) -> str:
    if not row["enabled"]:
        return "disabled"
    return f"stopped: {row['stopped']}" if row["stopped"] else "enabled"
