"""`mailintake deliver`, `explain`, `queue ...` and `status`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import Exit, read, told
from trac_mailintake.components.cli.output import complain, say, say_json, say_table, when
from trac_mailintake.components.cli.running.explain import print_explanation
from trac_mailintake.components.cli.running.status import print_status
from trac_mailintake.components.deliver import deliver
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.outgoing.waiting import queued

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment


class Commands:
    """The commands of one environment. Each takes what was `typed`, and returns the exit status.

    They raise AdminCommandError, and TemporaryFailure.
    """

    def __init__(self, env: Environment) -> None:
        self._env = env
        self.services = Services(env, lambda: bridge.settings(env).rules)
        """The services, with rules that are looked for only when a service is read."""

    def deliver(self, typed: Sequence[str]) -> int:
        """Take one mail from standard input."""
        wanted = read(typed, least=1, most=1, flags=("--json",))
        answer = deliver(self._env, wanted.words[0])
        if wanted.flag("--json"):
            say_json({"status": answer.status, "line": answer.line})
        else:
            complain(answer.line)
        return answer.status

    def explain(self, typed: Sequence[str]) -> int:
        """Say what would become of a mail."""
        wanted = read(typed, least=1, most=1, flags=("--json",), valued=("--service",))
        name = wanted.options.get("--service", "") or self._only_service()
        with told(), bridge.intake(self._env) as assembly:
            service = assembly.settings.services.get(name)
            print_explanation(assembly, wanted.words[0], service, as_json=wanted.flag("--json"))
        return Exit.WELL

    def _only_service(self) -> str:
        names = self.services.names()
        if len(names) != 1:
            raise AdminCommandError(
                f"--service=: not allowed. Allowed: {', '.join(names) or 'none yet: `service add` makes one'}"
            )
        return names[0]

    def queue_list(self, typed: Sequence[str]) -> int:
        """List the outgoing mail that waits."""
        wanted = read(typed, flags=("--json",))
        waiting = queued(self._env)
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

    def queue_flush(self, typed: Sequence[str]) -> int:
        """Try to send all outgoing mail now."""
        read(typed)
        with told(), bridge.intake(self._env) as assembly:
            flushed = assembly.outbox.flush(force=True)
        say(f"{flushed.sent} sent, {flushed.waiting} waiting. {flushed.failure}".rstrip())
        return Exit.WAITING if flushed.waiting else Exit.WELL

    def status(self, typed: Sequence[str]) -> int:
        """Say how things stand."""
        wanted = read(typed, flags=("--json",))
        return print_status(self._env, self.services, as_json=wanted.flag("--json"))
