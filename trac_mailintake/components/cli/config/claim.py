"""`mailintake claim`: makes this environment, not another copy of it, the owner of a mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.components.cli.arguments import Exit, read, starting, told
from trac_mailintake.components.cli.output import say
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.deliveries.ownership import claim

if TYPE_CHECKING:
    from trac.env import Environment


class ClaimActions:
    """Makes this environment the owner of mailboxes."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def complete(self, typed: list[str]) -> list[str]:
        """Names of services."""
        return starting(open_intake.settings(self._env).services.names(), typed)

    def claim(self, *typed: str) -> int:
        """`mailintake claim`. Raises AdminCommandError."""
        wanted = read(typed, most=1)
        with told():
            settings = open_intake.settings(self._env)
            services = [settings.services.get(name) for name in wanted.words] or settings.services.all()
            mailboxes = [service for service in services if not service.pushed]
            for service in mailboxes:
                account = settings.open(service).account
                fresh = "is this environment's from now on" if claim(self._env, account) else "is this environment's"
                say(f"{service.name}: {account.label} {fresh}.")
        if not mailboxes:
            say("There is no mailbox to claim: nothing is fetched by a pipe, and there is no other service.")
        return Exit.WELL
