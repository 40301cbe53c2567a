"""`mailintake probe`: whether a mail that is sent to a service comes out of its mailbox, and how long that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError, IAdminCommandProvider
from trac.core import Component, implements

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import read, starting, told, unless_down
from trac_mailintake.components.options import MailIntakeSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.components.cli.arguments import Typed
    from trac_mailintake.intake.settings import Service

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
        from trac_mailintake.components.cli.running.round_trip import RoundTrip  # noqa: PLC0415 - once in a while

        wanted = read(typed, least=1, most=1, flags=("--json",), valued=("--to", "--wait"))
        seconds = wanted.number("--wait")
        with told(), bridge.watched_intake(self.env) as assembly:
            service = assembly.settings.services.get(wanted.words[0])
            recipient = self._recipient(service, wanted)
            self._check(service, seconds)
            return RoundTrip(self.env, assembly, service, seconds).run(recipient, as_json=wanted.flag("--json"))

    def _recipient(self, service: Service, wanted: Typed) -> str:
        """Where to send it. Raises AdminCommandError, SettingError."""
        from trac_mailintake.intake.settings import Kind, Parameter  # noqa: PLC0415 - as above

        named = wanted.options.get("--to", "")
        own = next(iter(service.addresses), "") or str(self.config.get("mailintake", "address"))
        found = str(Parameter("--to", Kind.ADDRESS, "", "").read(named or own) or "")
        if not found:
            raise AdminCommandError(
                "--to=: not allowed. Allowed: an address that leads to the service's mailbox. "
                f"`service set {service.name} address=ADDRESS` tells it for good."
            )
        return found

    def _check(self, service: Service, seconds: int | None) -> None:
        """Whether it makes sense to send anything. Raises AdminCommandError."""
        if not self.config.getbool("notification", "smtp_enabled"):
            raise AdminCommandError("Sending is off: set [notification] smtp_enabled = true.")
        if MailIntakeSystem(self.env).fetch == "disabled" and (service.server or service.path):
            raise AdminCommandError("Nothing is fetched: [mailintake] fetch = disabled.")
        if not service.enabled or service.stopped:
            why = f"stopped: {service.stopped}" if service.stopped else "disabled"
            raise AdminCommandError(f"The service {service.name} is {why}. `mailintake service enable` lets it run.")
        if not (service.server or service.path) and not seconds:
            raise AdminCommandError("--wait=: not allowed. Allowed: seconds, since a mail server hands mail to a pipe.")
