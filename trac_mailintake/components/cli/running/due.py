"""The first, cheap step of `mailintake run`, which cron calls every minute: finds out whether there is work."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from trac.util.datefmt import datetime_now, to_utimestamp, utc

from trac_mailintake.components.cli.arguments import Exit, read
from trac_mailintake.components.cli.output import complain, say_json
from trac_mailintake.components.options import MailIntakeSystem
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config import schedule
from trac_mailintake.tracker.outgoing.waiting import anything_owed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.components.cli.arguments import Typed


def run_due(env: Environment, typed: Sequence[str]) -> int:
    """Run what is due, and do what is owed. Raises AdminCommandError, TemporaryFailure."""
    wanted = read(typed, most=1, flags=("--force", "--json", "--trace"), valued=("--limit",))
    limit = wanted.number("--limit")
    if not MailIntakeSystem(env).fetches:
        _say_off(wanted)
        return Exit.WELL
    due = schedule.due(env, Microseconds(2**62) if wanted.flag("--force") else _now())
    unusual = bool(schedule.unusual(env, _now(), tried=bool(due)))
    if not (wanted.words or due or unusual or anything_owed(env, _now())):
        if wanted.flag("--json"):
            say_json([])
        return Exit.WELL
    from trac_mailintake.components.cli.running.run import run  # noqa: PLC0415 - a large import, only if there is work

    return run(env, due, wanted, limit=limit)


def _now() -> Microseconds:
    return to_utimestamp(datetime_now(utc))


def _say_off(wanted: Typed) -> None:
    """Say that nothing is fetched, but not to cron, each minute; `status` says it, too."""
    if wanted.flag("--json"):
        say_json([])
    if wanted.words or wanted.flag("--force") or sys.stderr.isatty():
        complain("Nothing is fetched: [mailintake] fetch = disabled.")
