"""`mailintake deliver`, `explain`, `queue ...` and `status`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import Exit, UnlessDown, read, starting, told
from trac_mailintake.components.cli.output import complain, say, say_json, say_table, when
from trac_mailintake.components.cli.running.explain import print_explanation
from trac_mailintake.components.cli.running.status import print_status
from trac_mailintake.components.deliver import deliver
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.db.transaction import now
from trac_mailintake.tracker.outgoing.waiting import queued

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.tracker.outgoing.waiting import Queued


class RoundActions:
    """Files mail, explains decisions, and shows the status."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self._services = Services(env, lambda: open_intake.settings(env).rules)
        """The services. Rules are loaded only when a service is read."""

    def complete(self, typed: list[str]) -> list[str]:
        """Names of services."""
        return starting(self._services.names(), typed)

    def deliver(self, *typed: str) -> int:
        """`mailintake deliver`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1, flags=("--json",))
        answer = deliver(self.env, wanted.words[0])
        if wanted.flag("--json"):
            say_json({"status": answer.status, "line": answer.line})
        else:
            complain(answer.line)
        return answer.status

    def explain(self, *typed: str) -> int:
        """`mailintake explain`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1, flags=("--json",), valued=("--service",))
        with UnlessDown(self.env):
            name = wanted.options.get("--service", "") or self._only_service()
            with told(), open_intake.intake(self.env, deciding=True) as assembly:
                service = assembly.settings.services.get(name)
                print_explanation(assembly, wanted.words[0], service, as_json=wanted.flag("--json"))
            return Exit.WELL
        return Exit.UNREACHABLE

    def _only_service(self) -> str:
        names = self._services.names()
        if len(names) != 1:
            raise AdminCommandError(
                f"--service=: not allowed. Allowed: {', '.join(names) or 'none yet: `service add` makes one'}"
            )
        return names[0]

    def queue_list(self, *typed: str) -> int:
        """`mailintake queue list`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--json",))
        with UnlessDown(self.env):
            waiting = queued(self.env)
            if wanted.flag("--json"):
                say_json([asdict(each) for each in waiting])
                return Exit.WELL
            rows = [
                (each.id, each.kind, each.delivery, each.service, each.attempts, _next(each), each.failure)
                for each in waiting
            ]
            headers = ("Id", "Kind", "Mail", "Service", "Attempts", "Next attempt", "Last failure")
            say_table(rows, headers, "The mail queue is empty.")
            return Exit.WELL
        return Exit.UNREACHABLE

    def queue_flush(self, *typed: str) -> int:
        """`mailintake queue flush`. Raises AdminCommandError."""
        read(typed)
        with UnlessDown(self.env):
            with told(), open_intake.intake(self.env) as assembly:
                flushed = assembly.outbox.flush(force=True)
            say(f"{flushed.sent} sent, {flushed.waiting} waiting. {flushed.failure}".rstrip())
            return Exit.WAITING if flushed.waiting else Exit.WELL
        return Exit.UNREACHABLE

    def status(self, *typed: str) -> int:
        """`mailintake status`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--json",))
        with UnlessDown(self.env):
            return print_status(self.env, self._services, as_json=wanted.flag("--json"))
        return Exit.UNREACHABLE


def _next(letter: Queued) -> str:
    """When it is tried next: at the next run if it is due."""
    return when(letter.retry_at) if letter.retry_at > now() else "now"
