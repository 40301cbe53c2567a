"""`mailintake run`, `deliver`, `explain`, `queue ...`, `status`: taking mail, and saying how that goes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError, IAdminCommandProvider, get_dir_list
from trac.core import Component, implements
from trac.util.datefmt import datetime_now, to_utimestamp, utc

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import Exit, read, starting, told, unless_down
from trac_mailintake.components.cli.output import complain, say, say_json, say_table, when
from trac_mailintake.components.options import MailIntakeSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.components.cli.arguments import Typed
    from trac_mailintake.tracker.config.services import Services

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]

_RUN = """Take the mail of all services that are due, or of one

    For cron: as often as one likes, several at a time. Prints a line for each service with news.
    Ends with 0 when all is well, 1 when mail was held or deferred, 3 when a service could not be reached.

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

    def _complete(self, typed: list[str]) -> list[str]:
        return starting(self._services().names(), typed)

    def _services(self) -> Services:
        """The services, with rules that are looked for only when a service is read."""
        from trac_mailintake.tracker.config.services import (  # noqa: PLC0415 - trac-admin's other commands do without
            Services,
        )

        return Services(self.env, lambda: bridge.settings(self.env).rules)

    @unless_down
    def _run(self, *typed: str) -> int:
        from trac_mailintake.tracker.outgoing.waiting import anything_owed  # noqa: PLC0415 - as above

        wanted = read(typed, most=1, flags=("--force", "--json", "--trace"), valued=("--limit",))
        limit = wanted.number("--limit")
        if MailIntakeSystem(self.env).fetch == "disabled":
            complain("Nothing is fetched: [mailintake] fetch = disabled.")
            return Exit.WELL
        names = self._wanted(wanted)
        self._tell_of_overdue(tried=bool(names))
        if not names and not anything_owed(self.env, to_utimestamp(datetime_now(utc))):
            if wanted.flag("--json"):
                say_json([])
            return Exit.WELL
        from trac_mailintake.components.cli.running.run_services import (  # noqa: PLC0415 - there is work: now it may cost
            Rounding,
        )

        trace = complain if wanted.flag("--trace") else None
        with told(), bridge.watched_intake(self.env) as assembly:
            rounding = Rounding(self.env, assembly, quiet=not wanted.words, limit=limit, trace=trace)
            return rounding.run(names, as_json=wanted.flag("--json"))

    def _tell_of_overdue(self, *, tried: bool) -> None:
        """A run that has something to do may help by itself; whoever was tried in vain is told of before it hangs."""
        from trac_mailintake.tracker.config import schedule  # noqa: PLC0415 - as above

        if schedule.unusual(self.env, to_utimestamp(datetime_now(utc)), tried=tried):
            from trac_mailintake.tracker.outgoing import overdue  # noqa: PLC0415 - hardly ever

            overdue.tell(self.env, tried=tried)

    def _wanted(self, wanted: Typed) -> list[str]:
        """Names of the services to run. Raises AdminCommandError for one that is not there, or may not run."""
        from trac_mailintake.tracker.config import schedule  # noqa: PLC0415 - as above

        due = schedule.due(self.env, 2**62 if wanted.flag("--force") else to_utimestamp(datetime_now(utc)))
        if not wanted.words:
            return due
        name = wanted.words[0]
        rows = {str(row["name"]): row for row in self._services().rows()}
        if name not in rows:
            raise AdminCommandError(
                f"service={name}: not allowed. Allowed: {', '.join(rows) or 'none yet: `service add` makes one'}"
            )
        row = rows[name]
        if not row["enabled"] or row["stopped"]:
            why = f"stopped: {row['stopped']}" if row["stopped"] else "disabled"
            raise AdminCommandError(f"The service {name} is {why}. `mailintake service enable {name}` lets it run.")
        if name not in due:
            say(f"{name}: not due before {when(row['next_run'])}; --force runs it at once.")
            return []
        return [name]

    def _deliver(self, *typed: str) -> int:
        from trac_mailintake.components.deliver import deliver  # noqa: PLC0415 - an idle `run` does without

        wanted = read(typed, least=1, most=1, flags=("--json",))
        answer = deliver(self.env, wanted.words[0])
        if wanted.flag("--json"):
            say_json({"status": answer.status, "line": answer.line})
        else:
            complain(answer.line)
        return answer.status

    @unless_down
    def _explain(self, *typed: str) -> int:
        from trac_mailintake.components.cli.explain import explain  # noqa: PLC0415 - as above

        wanted = read(typed, least=1, most=1, flags=("--json",), valued=("--service",))
        name = wanted.options.get("--service", "") or self._only_service()
        with told(), bridge.intake(self.env) as assembly:
            explain(assembly, wanted.words[0], assembly.settings.services.get(name), as_json=wanted.flag("--json"))
        return Exit.WELL

    def _only_service(self) -> str:
        names = self._services().names()
        if len(names) != 1:
            raise AdminCommandError(
                f"--service=: not allowed. Allowed: {', '.join(names) or 'none yet: `service add` makes one'}"
            )
        return names[0]

    @unless_down
    def _queue_list(self, *typed: str) -> int:
        from trac_mailintake.tracker.outgoing.waiting import queued  # noqa: PLC0415 - as above

        wanted = read(typed, flags=("--json",))
        waiting = queued(self.env)
        if wanted.flag("--json"):
            say_json([asdict(each) for each in waiting])
            return Exit.WELL
        rows = [
            (each.id, each.kind, each.delivery, each.service, each.attempts, when(each.retry_at), each.failure)
            for each in waiting
        ]
        headers = ("Id", "Kind", "Mail", "Service", "Attempts", "Next attempt", "Last failure")
        say_table(rows, headers, "The mail queue is empty.")
        return Exit.WELL

    @unless_down
    def _queue_flush(self, *typed: str) -> int:
        read(typed)
        with told(), bridge.intake(self.env) as assembly:
            flushed = assembly.outbox.flush(force=True)
        say(f"{flushed.sent} sent, {flushed.waiting} waiting. {flushed.failure}".rstrip())
        return Exit.WAITING if flushed.waiting else Exit.WELL

    @unless_down
    def _status(self, *typed: str) -> int:
        from trac_mailintake.components.cli.status import standing  # noqa: PLC0415 - as above

        wanted = read(typed, flags=("--json",))
        return standing(self.env, self._services(), as_json=wanted.flag("--json"))
