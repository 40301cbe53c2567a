"""`mailintake run` as far as it costs next to nothing: whether anything is due. Cron calls it every minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError
from trac.util.datefmt import datetime_now, to_utimestamp, utc

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import Exit, read
from trac_mailintake.components.cli.output import complain, say, say_json, when
from trac_mailintake.components.options import MailIntakeSystem
from trac_mailintake.tracker.config import schedule
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.outgoing.waiting import anything_owed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.components.cli.arguments import Typed


def run_due(env: Environment, typed: Sequence[str]) -> int:
    """Run what is due, and do what is owed. Raises AdminCommandError, TemporaryFailure."""
    wanted = read(typed, most=1, flags=("--force", "--json", "--trace"), valued=("--limit",))
    limit = wanted.number("--limit")
    if MailIntakeSystem(env).fetch == "disabled":
        complain("Nothing is fetched: [mailintake] fetch = disabled.")
        return Exit.WELL
    names = _wanted(env, wanted)
    unusual = bool(schedule.unusual(env, _now(), tried=bool(names)))
    if not (names or unusual or anything_owed(env, _now())):
        if wanted.flag("--json"):
            say_json([])
        return Exit.WELL
    from trac_mailintake.components.cli.running.run import run  # noqa: PLC0415 - there is work: now it may cost

    return run(env, names, wanted, limit=limit, unusual=unusual)


def _wanted(env: Environment, wanted: Typed) -> list[str]:
    """Names of the services to run. Raises AdminCommandError for one that is not there, or may not run."""
    due = schedule.due(env, 2**62 if wanted.flag("--force") else _now())
    if not wanted.words:
        return due
    name = wanted.words[0]
    # The rules are looked for only when a service is read.
    services = Services(env, lambda: bridge.settings(env).rules)
    rows = {str(row["name"]): row for row in services.rows()}
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


def _now() -> int:
    return to_utimestamp(datetime_now(utc))
