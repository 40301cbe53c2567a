"""`mailintake probe`: whether a mail that is sent to a service comes out of its mailbox, and how long that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import IAdminCommandProvider
from trac.core import Component, implements

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import starting, unless_down

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]

_PROBE = """Send a mail to a service, and see it come out of its mailbox

    It goes through Trac's outgoing server to the service's own address, else to [mailintake] address. Each step is
    printed with its seconds since the start: accepted by the outgoing server, in the mailbox, taken, disposed of.
    No ticket is made of it; the journal has it as discarded, by the rule `probe`.
    Ends with 0 when it came round, 1 when its copy could not be disposed of, 3 when it did not come in time.

    --to sends it to another address that leads to the service's mailbox.

    --wait runs no round, but waits so many seconds for cron's. Otherwise rounds of the service are run, for a minute
    at most; they take what other mail there is, too."""


class ProbeCommands(Component):
    """Sends mail round."""

    implements(IAdminCommandProvider)

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """The command."""
        words = "<service> [--to ADDRESS] [--wait SECONDS] [--json]"
        yield ("mailintake probe", words, _PROBE, self._complete, self._probe)

    # inside

    def _complete(self, typed: list[str]) -> list[str]:
        return starting(bridge.settings(self.env).services.names(), typed)

    @unless_down
    def _probe(self, *typed: str) -> int:
        from trac_mailintake.components.cli.running.probe import probe  # noqa: PLC0415 - once in a while

        return probe(self.env, typed)
