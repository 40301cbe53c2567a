"""`mailintake claim`: says that the mail in a mailbox is for this environment, not for another copy of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import IAdminCommandProvider
from trac.core import Component, implements

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import Exit, read, starting, told
from trac_mailintake.components.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]


class ClaimCommands(Component):
    """Makes mailboxes this environment's."""

    implements(IAdminCommandProvider)

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """The command."""
        yield (
            "mailintake claim",
            "[service]",
            """Let this environment fetch from the mailboxes of its services, or of one

    The first environment that fetches from a mailbox claims it. A copy, or one that was restored or moved, is
    another and refuses to fetch, so that it takes no mail of the original's. Claim what that fetches no more.""",
            self._complete,
            self._claim,
        )

    # inside

    def _complete(self, typed: list[str]) -> list[str]:
        return starting(bridge.settings(self.env).services.names(), typed)

    def _claim(self, *typed: str) -> int:
        from trac_mailintake.tracker.deliveries.ownership import (  # noqa: PLC0415 - trac-admin's other commands do without
            claim,
        )

        wanted = read(typed, most=1)
        with told():
            settings = bridge.settings(self.env)
            services = [settings.services.get(name) for name in wanted.words] or settings.services.all()
            mailboxes = [service for service in services if service.server or service.path]
            for service in mailboxes:
                account = settings.open(service).account
                fresh = "is this environment's from now on" if claim(self.env, account) else "is this environment's"
                say(f"{service.name}: {account.label} {fresh}.")
        if not mailboxes:
            say("There is no mailbox to claim: nothing is fetched by a pipe, and there is no other service.")
        return Exit.WELL
