"""`mailintake service ...`: the recurring jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.components.cli.arguments import Exit, read, starting, told
from trac_mailintake.components.cli.config.jira_import import advice, take_over
from trac_mailintake.components.cli.output import say, say_json, say_table, when
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.config.circuit_breaker import Standing
from trac_mailintake.tracker.config.field_choices import filled_by_form, strangers_are_held
from trac_mailintake.tracker.config.schedule import has_mailbox
from trac_mailintake.tracker.db.durable import weaknesses

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.bootstrap import Settings
    from trac_mailintake.intake.settings import Service, Value


HANDLER = "create-or-comment"
"""The handler for JIRA's parameters, unless another one is named."""

MAIL_QUEUE = "Mail queue"
"""The built-in service that sends the mail in the outbox. It always exists."""


class ServiceActions:
    """Lists, adds, changes, removes, enables and disables services."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def complete(self, typed: list[str]) -> list[str]:
        """Names of services."""
        return starting(open_intake.settings(self._env).services.names(), typed)

    def list_(self, *typed: str) -> int:
        """`mailintake service list`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--json",))
        with told():
            settings = open_intake.settings(self._env)
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

    def add(self, *typed: str) -> int:
        """`mailintake service add`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1, settings=True)
        with told():
            settings = open_intake.settings(self._env)
            service = settings.services.add(wanted.words[0], wanted.settings)
        say(f"Service {service.name} added: {service.kind}, {service.handler}, afterwards={service.afterwards}.")
        self._say_waiting(settings, service)
        self._tell_of_new_tickets(service)
        self._warn_of_power_cuts()
        return Exit.WELL

    def set_(self, *typed: str) -> int:
        """`mailintake service set`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1, settings=True)
        with told():
            service = open_intake.settings(self._env).services.set(wanted.words[0], wanted.settings)
        say(f"Service {service.name} changed.")
        self._tell_of_new_tickets(service)
        return Exit.WELL

    def import_jira(self, *typed: str) -> int:
        """`mailintake service import-jira`. Raises AdminCommandError."""
        wanted = read(typed, least=2, most=2, settings=True)
        name, words = wanted.words
        with told():
            services = open_intake.settings(self._env).services
            there = name in services.names()
            handler = wanted.settings.get("handler") or (services.typed(name)["handler"] if there else HANDLER)
            taken = take_over(self._env, words, services.parameters(handler))
            settings = {**taken.settings, "handler": handler, **wanted.settings}
            service = services.set(name, settings) if there else services.add(name, settings)
        say(f"Service {name} {'changed' if there else 'added'}: {service.kind}, {handler}.")
        say("Taken over: " + (", ".join(f"{each}={value}" for each, value in taken.settings.items()) or "nothing"))
        for sentence in (*taken.left_out, *filled_by_form(self._env, service)):
            say(f"Left out: {sentence}")
        for sentence in advice(self._env, service):
            say(f"Note: {sentence}")
        self._warn_of_strangers(service)
        if not there:
            self._warn_of_power_cuts()
        return Exit.WELL

    def remove(self, *typed: str) -> int:
        """`mailintake service remove`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1)
        with told():
            open_intake.settings(self._env).services.remove(wanted.words[0])
        say(f"Service {wanted.words[0]} removed. Its journal stays.")
        return Exit.WELL

    def enable(self, *typed: str) -> int:
        """`mailintake service enable`. Raises AdminCommandError."""
        return self._switch(typed, "true", "runs from now on")

    def disable(self, *typed: str) -> int:
        """`mailintake service disable`. Raises AdminCommandError."""
        return self._switch(typed, "false", "runs no more")

    def _switch(self, typed: tuple[str, ...], value: str, sentence: str) -> int:
        wanted = read(typed, least=1, most=1)
        with told():
            open_intake.settings(self._env).services.set(wanted.words[0], {"enabled": value})
        say(f"Service {wanted.words[0]} {sentence}.")
        return Exit.WELL

    def _say_waiting(self, settings: Settings, service: Service) -> None:
        """Print how many messages the first run will find, if the mailbox can be reached; a pipe has none."""
        if service.pushed:
            return
        try:
            found = settings.survey(service)
        except SourceError as error:
            say(f"How many mails wait could not be found out: {error}")
            return
        begins = {"all": "the first run takes them all", "now": "the first run leaves these and takes what comes later"}
        mails = "1 mail waits" if found.waiting == 1 else f"{found.waiting} mails wait"
        say(f"{mails}; {begins.get(service.start, f'the first run takes those since {service.start}')}.")
        if found.target or found.trouble:
            say(found.target or f"Note: {found.trouble}.")
        if found.advice:
            say(f"Note: {found.advice}.")

    def _tell_of_new_tickets(self, service: Service) -> None:
        for sentence in filled_by_form(self._env, service):
            say(f"Note: {sentence}.")
        self._warn_of_strangers(service)

    def _warn_of_strangers(self, service: Service) -> None:
        if not strangers_are_held(self._env, service):
            return
        say(
            "Note: strangers' mail will be held, since anonymous has no TICKET_CREATE. To file it, name a user whose"
            f" rights count for strangers (`service set {service.name} actas=USER`), or grant"
            " TICKET_CREATE to anonymous."
        )

    def _warn_of_power_cuts(self) -> None:
        with told():
            for sentence in weaknesses(self._env):
                say(f"Note: {sentence}")


def _place(row: dict[str, Value]) -> str:
    return f"{row['server']}/{row['folder']}" if row["server"] else str(row["path"])


def _next(row: dict[str, Value]) -> str:
    if not row["enabled"] or row["stopped"] or not has_mailbox(row):
        return "never"
    return when(row["next_run"]) if row["next_run"] else "now"


def _state(row: dict[str, Value]) -> str:
    if not row["enabled"]:
        return "disabled"
    return f"stopped: {Standing.of(row).why}" if row["stopped"] else "enabled"
