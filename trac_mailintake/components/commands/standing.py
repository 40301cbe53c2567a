"""`mailintake status`: how things stand, for people and for monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.components.commands.say import say, say_json, say_table, when
from trac_mailintake.components.commands.words import Exit
from trac_mailintake.components.system import MailIntakeSystem
from trac_mailintake.intake.model import Status
from trac_mailintake.tracker.journal import IN_WORK, Journal
from trac_mailintake.tracker.queue import queued

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.settings import Value
    from trac_mailintake.tracker.services import Services

_WAITING = (Status.HELD.value, Status.DEFERRED.value, IN_WORK)


def standing(env: Environment, services: Services, *, as_json: bool) -> int:
    """Print it, and say by the exit status whether somebody should look."""
    rows = services.rows()
    counts = Journal(env).counts()
    waiting = len(queued(env))
    fetch = MailIntakeSystem(env).fetch
    if as_json:
        shown = [{**_shown(row), "counts": counts.get(str(row["name"]), {})} for row in rows]
        say_json({"fetch": fetch, "services": shown, "queue": waiting})
    else:
        _say(rows, counts, waiting)
        if waiting and not env.config.getbool("notification", "smtp_enabled"):
            say("Sending is off: what is to be forwarded is held until [notification] smtp_enabled is on.")
        if fetch == "disabled":
            say("Nothing is fetched: [mailintake] fetch = disabled.")
    if any(row["stopped"] or _failed(row) for row in rows):
        return Exit.UNREACHABLE
    held = any(number for each in counts.values() for outcome, number in each.items() if outcome in _WAITING)
    return Exit.WAITING if held or waiting else Exit.WELL


def _failed(row: Mapping[str, Value]) -> bool:
    """Whether the last round did not go well: `finish` sets last_success after last_run when it did."""
    return bool(row["enabled"] and row["last_result"] and int(row["last_success"] or 0) < int(row["last_run"] or 0))  # type: ignore[arg-type]  # both are times


def _shown(row: Mapping[str, Value]) -> dict[str, Value]:
    names = ("name", "kind", "enabled", "stopped", "next_run", "last_run", "last_success", "last_result")
    return {name: row[name] for name in names}


def _say(rows: Sequence[Mapping[str, Value]], counts: Mapping[str, Mapping[str, int]], waiting: int) -> None:
    table = [
        (
            row["name"],
            "stopped" if row["stopped"] else "enabled" if row["enabled"] else "disabled",
            when(row["last_run"]),
            when(row["next_run"]),
            *(counts.get(str(row["name"]), {}).get(outcome, 0) for outcome in _WAITING),
            row["stopped"] or row["last_result"],
        )
        for row in rows
    ]
    headers = ("Service", "State", "Last run", "Next run", "Held", "Deferred", "In work", "Last result")
    say_table(table, headers, "There is no service yet.")
    say(f"Mail queue: {waiting} waiting.")
