"""`mailintake run`, `deliver`, `explain`, `queue ...`, `status`: taking mail, and saying how that goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import IAdminCommandProvider, get_dir_list
from trac.core import Component, implements

from trac_mailintake.components.cli.arguments import starting, unless_down

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.components.cli.running.commands import Commands

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]

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
    Ends with 0 when all is well, 1 when mail is held, deferred or not yet sent, 3 when a service has stopped, is
    overdue or late, or its last round failed. --json has the same figures, for monitoring."""


class RoundCommands(Component):
    """Takes mail, explains what would become of one, and says how things stand."""

    implements(IAdminCommandProvider)

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """The commands."""
        yield (
            "mailintake run",
            "[service] [--force] [--limit N] [--json] [--trace]",
            _RUN,
            self._complete,
            self._run,
        )
        yield (
            "mailintake deliver",
            "<service> [--json]",
            _DELIVER,
            self._complete,
            self._deliver,
        )
        yield (
            "mailintake explain",
            "<file> [--service S] [--json]",
            "Say what would become of a mail, and why; nothing is written",
            lambda typed: get_dir_list(typed[-1]) if len(typed) == 1 else [],
            self._explain,
        )
        yield ("mailintake queue list", "[--json]", "List the outgoing mail that waits", None, self._queue_list)
        yield ("mailintake queue flush", "", "Try to send all outgoing mail now", None, self._queue_flush)
        yield (
            "mailintake status",
            "[--json]",
            _STATUS,
            None,
            self._status,
        )

    # inside

    def _commands(self) -> Commands:
        """What all but `run` do: they may cost what they need."""
        from trac_mailintake.components.cli.running.commands import Commands  # noqa: PLC0415 - once one is given

        return Commands(self.env)

    def _complete(self, typed: list[str]) -> list[str]:
        return starting(self._commands().services.names(), typed)

    @unless_down
    def _run(self, *typed: str) -> int:
        from trac_mailintake.components.cli.running.due import run_due  # noqa: PLC0415 - an idle run imports no more

        return run_due(self.env, typed)

    def _deliver(self, *typed: str) -> int:
        return self._commands().deliver(typed)

    @unless_down
    def _explain(self, *typed: str) -> int:
        return self._commands().explain(typed)

    @unless_down
    def _queue_list(self, *typed: str) -> int:
        return self._commands().queue_list(typed)

    @unless_down
    def _queue_flush(self, *typed: str) -> int:
        return self._commands().queue_flush(typed)

    @unless_down
    def _status(self, *typed: str) -> int:
        return self._commands().status(typed)
