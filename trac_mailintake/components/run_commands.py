"""Declares the commands that take in mail and show how that goes: `mailintake run`, `deliver`, `explain` and others.

See `commands`. `run` does not use `Actions`, whose imports would slow down cron's call every minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import get_dir_list
from trac.util.text import printerr

from trac_mailintake.components.cli.arguments import Exit, UnlessDown
from trac_mailintake.components.commands import CommandGroup
from trac_mailintake.components.log_failures import in_one_sentence
from trac_mailintake.components.may_write import writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.components.commands import Command

_RUN = """Take the mail of all services that are due, or of one

    For cron: as often as one likes, several at a time. Prints a line for each service with news.
    Ends with 0 when all is well, 1 when mail was held or deferred, 3 when a service could not be reached or has
    stopped.

    --force runs a service that is not due yet.

    --limit takes at most so many mails of each service.

    --trace prints the dialogue with the mail server, without secrets."""
_DELIVER = """Take one mail from standard input

    Ends as sysexits.h says: 0, 65 (no mail), 77 (rejected), 75 (try again: always when unsure).
    A mail server had better call mailintake-deliver, which also answers 75 when Trac does not start."""
_STATUS = """Say how things stand: services, backlog, held mail, the queue

    For each service: its last success, the mails that wait in its mailbox and since when, what is held or deferred,
    how many mails came lately, how long they take from their arrival to their ticket, and the last error.
    Ends with 0 when all is well, 1 when mail is held, deferred or not yet sent, or when reply addresses cannot be
    signed, 3 when a service has stopped, is overdue or late, or its last round failed. --json has the same figures, for
    monitoring."""
_PROBE = """Send a mail to a service, and see it come out of its mailbox

    It goes through Trac's outgoing server to the service's own address, else to [mailintake] address. Each step is
    printed with its seconds since the start: accepted by the outgoing server, in the mailbox, taken, disposed of.
    No ticket is made of it; the journal has it as discarded, by the rule `probe`.
    Ends with 0 when it came round, 1 when its copy could not be disposed of, 3 when it did not come in time.

    --to sends it to another address that leads to the service's mailbox.

    --wait runs no round, but waits so many seconds for cron's. Otherwise rounds of the service are run, for a minute
    at most; they take what other mail there is, too."""


class RoundCommands(CommandGroup):
    """Files mail, explains decisions, and shows the status."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's commands."""
        words = "[service] [--force] [--limit N] [--json] [--trace]"
        yield ("mailintake run", words, _RUN, self._complete, self._run)
        yield self.command(
            "deliver",
            "<service> [--json]",
            _DELIVER,
            lambda do: do.rounds.deliver,
            lambda do: do.rounds.complete,
            looks=True,
        )
        yield self.command(
            "explain",
            "<file> [--service S] [--json]",
            "Say what would become of a mail, and why; nothing is written",
            lambda do: do.rounds.explain,
            lambda _: lambda typed: get_dir_list(typed[-1]) if len(typed) == 1 else [],
            looks=True,
        )
        yield self.command(
            "queue list", "[--json]", "List the outgoing mail that waits", lambda do: do.rounds.queue_list, looks=True
        )
        yield self.command("queue flush", "", "Try to send all outgoing mail now", lambda do: do.rounds.queue_flush)
        yield self.command("status", "[--json]", _STATUS, lambda do: do.rounds.status, looks=True)

    # inside

    def _complete(self, typed: list[str]) -> list[str]:
        return self._actions().rounds.complete(typed)

    def _run(self, *typed: str) -> int:
        from trac_mailintake.components.cli.running.due import run_due  # noqa: PLC0415 - an idle run imports no more

        with (
            writing(self.env, "mailintake", "run", *typed),
            in_one_sentence(self.env, printerr),
            UnlessDown(self.env),
        ):
            return run_due(self.env, typed)
        return Exit.UNREACHABLE


class ProbeCommands(CommandGroup):
    """Sends a probe."""

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """Yield this component's command."""
        words = "<service> [--to ADDRESS] [--wait SECONDS] [--json]"
        yield self.command("probe", words, _PROBE, lambda do: do.probes.probe, lambda do: do.probes.complete)
