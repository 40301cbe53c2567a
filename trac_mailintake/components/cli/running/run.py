"""`mailintake run` if there is work: prints a line for each service with news, and a failure of the mail queue."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError
from trac.util.datefmt import datetime_now, to_utimestamp, utc

from trac_mailintake.components.cli.arguments import Exit, told
from trac_mailintake.components.cli.output import complain, progress, say, say_json, when
from trac_mailintake.components.cli.running.exit_status import exit_status
from trac_mailintake.components.options import MailIntakeSystem
from trac_mailintake.runs import open_intake
from trac_mailintake.runs.run_services import ServicesRun
from trac_mailintake.tracker.config import schedule
from trac_mailintake.tracker.config.schedule import has_mailbox
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.outgoing import overdue
from trac_mailintake.tracker.outgoing.waiting import anything_owed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac.env import Environment

    from trac_mailintake.components.cli.arguments import Typed
    from trac_mailintake.runs.result import RoundResult


def run(env: Environment, due: Sequence[str], wanted: Typed, *, limit: int | None) -> Exit:
    """Run the services that are `due`, or the one that is named if it is among them, and print how it went.

    Raises AdminCommandError, TemporaryFailure.
    """
    as_json = wanted.flag("--json")
    names = _named(env, wanted.words[0], due, complain if as_json else say) if wanted.words else due
    moment = to_utimestamp(datetime_now(utc))
    if schedule.unusual(env, moment, tried=bool(names)):
        # A service may recover in this run. But if its last rounds failed, report it first: the run may hang over it.
        overdue.tell(env, tried=bool(names))
    elif not (names or anything_owed(env, moment)):
        if as_json:
            say_json([])
        return Exit.WELL
    return _run(env, names, wanted, limit=limit)


def _named(env: Environment, name: str, due: Sequence[str], tell: Callable[[str], None]) -> Sequence[str]:
    """The named service; () if it is not due. Raises AdminCommandError if it does not exist or may not run."""
    rows = {str(row["name"]): row for row in Services(env, lambda: open_intake.settings(env).rules).rows()}
    if name not in rows:
        raise AdminCommandError(
            f"service={name}: not allowed. Allowed: {', '.join(rows) or 'none yet: `service add` makes one'}"
        )
    row = rows[name]
    if not row["enabled"] or row["stopped"]:
        why = f"stopped: {row['stopped']}" if row["stopped"] else "disabled"
        raise AdminCommandError(f"The service {name} is {why}. `mailintake service enable {name}` lets it run.")
    if not has_mailbox(row):
        raise AdminCommandError(f"The service {name} fetches nothing: a mail server hands it its mail by a pipe.")
    if name not in due:
        tell(f"{name}: not due before {when(row['next_run'])}; --force runs it at once.")
        return ()
    return (name,)


def _run(env: Environment, names: Sequence[str], wanted: Typed, *, limit: int | None) -> Exit:
    as_json = wanted.flag("--json")
    # Cron mails whatever is printed, so it should print nothing about services without news.
    quiet = not wanted.words and not sys.stdout.isatty()
    rounds: list[RoundResult] = []

    def heard(done: RoundResult) -> None:
        rounds.append(done)
        if not as_json and (done.counts or done.error or not quiet):
            say(done.line)

    trace = complain if wanted.flag("--trace") else None
    opened = partial(open_intake.watched_intake, env)
    at_once = MailIntakeSystem(env).at_once
    with told(), opened() as assembly:
        run = ServicesRun(env, assembly, opened, at_once=at_once, limit=limit, trace=trace, progress=progress)
        flushed = run.run(names, heard)
    if as_json:
        rounds.sort(key=lambda each: names.index(each.service) if each.service in names else len(names))
        say_json([{"service": each.service, "counts": each.counts, "error": each.error} for each in rounds])
    elif flushed.failure:
        say(f"Mail queue: {flushed.sent} sent, {flushed.waiting} waiting. {flushed.failure}")
    return max((exit_status(each.ending) for each in rounds), default=Exit.WELL)
