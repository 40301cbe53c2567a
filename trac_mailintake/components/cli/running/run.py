"""`mailintake run` once there is work: a line for each service with news, and what became of the mail queue."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import Exit, told
from trac_mailintake.components.cli.output import complain, progress, say, say_json
from trac_mailintake.components.cli.running.exit_status import exit_status
from trac_mailintake.components.options import MailIntakeSystem
from trac_mailintake.runs.run_services import ServicesRun
from trac_mailintake.tracker.outgoing import overdue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.components.cli.arguments import Typed
    from trac_mailintake.runs.result import RoundResult


def run(env: Environment, names: Sequence[str], wanted: Typed, *, limit: int | None, unusual: bool) -> Exit:
    """Run the services and print how it went; `unusual` when some may be overdue. Raises AdminCommandError."""
    if unusual:
        # A run that has something to do may help by itself; of those that were tried in vain it tells before it hangs.
        overdue.tell(env, tried=bool(names))
    as_json = wanted.flag("--json")
    # So that cron sends no mail about services without news.
    quiet = not wanted.words and not sys.stdout.isatty()
    rounds: list[RoundResult] = []

    def heard(done: RoundResult) -> None:
        rounds.append(done)
        if not as_json and (done.counts or done.error or not quiet):
            say(done.line)

    trace = complain if wanted.flag("--trace") else None
    opened = partial(bridge.watched_intake, env)
    at_once = MailIntakeSystem(env).at_once
    with told(), opened() as assembly:
        run = ServicesRun(env, assembly, opened, at_once=at_once, limit=limit, trace=trace, progress=progress)
        flushed = run.run(names, heard)
    if as_json:
        rounds.sort(key=lambda each: names.index(each.service))
        say_json([{"service": each.service, "counts": each.counts, "error": each.error} for each in rounds])
    elif flushed.failure:
        say(f"Mail queue: {flushed.sent} sent, {flushed.waiting} waiting. {flushed.failure}")
    return max((exit_status(each.ending) for each in rounds), default=Exit.WELL)
