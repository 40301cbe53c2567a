"""`mailintake status`: the state of each service, for people and for monitoring."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from trac_mailintake.components.cli.arguments import Exit
from trac_mailintake.components.cli.output import cut, say, say_json, say_table, when
from trac_mailintake.components.options import MailIntakeSystem
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.disk_space import shortages
from trac_mailintake.tracker.db.durable import weaknesses
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.transaction import SECOND, now
from trac_mailintake.tracker.deliveries.inventory import seen
from trac_mailintake.tracker.deliveries.ownership import complaints
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.journal.statistics import BAD, State, figures
from trac_mailintake.tracker.options import sends
from trac_mailintake.tracker.outgoing.waiting import queued
from trac_mailintake.tracker.people.reply_address import cannot_sign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.tracker.config.services import Services
    from trac_mailintake.tracker.deliveries.inventory import Seen
    from trac_mailintake.tracker.journal.statistics import Figures
    from trac_mailintake.tracker.outgoing.waiting import Queued

_HEADERS = (
    *("Service", "State", "Last success", "Waiting", "Oldest", "Unclaimed", "Held", "Deferred", "In work"),
    *("Last hour", "Last day", "Lag", "Last error"),
)
_ERROR = 60
"""Characters of the last error that the table shows."""


def print_status(env: Environment, services: Services, *, as_json: bool) -> int:
    """Print the status. The exit status says whether somebody needs to look (docs/operations.md)."""
    status = _Status(
        figures(env, services.rows()),
        queued(env),
        MailIntakeSystem(env).fetches,
        seen(env),
        shortages(env),
        cannot_sign(env),
    )
    if as_json:
        _print_json(env, status)
    else:
        _print_text(env, status)
    return _exit(status)


@dataclass(frozen=True, slots=True)
class _Status:
    """The services, the mail that waits to be sent, whether runs fetch mail, the archive, full disks, a bad key."""

    found: Sequence[Figures]
    queue: Sequence[Queued]
    fetches: bool
    archive: Seen
    full: Sequence[str]
    unsigned: str


def _print_json(env: Environment, status: _Status) -> None:
    counts = Journal(env).counts()
    say_json(
        {
            "fetch": "enabled" if status.fetches else "disabled",
            "services": [{**_shown(each), "counts": counts.get(each.name, {})} for each in status.found],
            "queue": len(status.queue),
            "queue_failure": next((each.failure for each in reversed(status.queue) if each.failure), ""),
            "power_cut": list(weaknesses(env)),
            "without_row": status.archive.lost,
            "without_row_as_of": status.archive.when,
            "disk_full": list(status.full),
            "cannot_sign": status.unsigned,
            "mailboxes": list(complaints(env)),
        }
    )


def _print_text(env: Environment, status: _Status) -> None:
    _say(status.found, status.queue)
    if status.queue and not sends(env):
        say("Sending is off: what is to be forwarded is held until [notification] smtp_enabled is on.")
    if not status.fetches:
        say("Nothing is fetched: [mailintake] fetch = disabled.")
    for sentence in filter(None, (*complaints(env), *weaknesses(env), *status.full, status.unsigned)):
        say(sentence)
    if status.archive.lost:
        say(
            f"Archive: {status.archive.lost} mails that no row of the journal has, as of {when(status.archive.when)}. "
            "`archive list` shows them, `archive refile` files them."
        )
    elif status.archive.when:
        say(f"Archive: the journal has all mails, as of {when(status.archive.when)}.")


def _exit(status: _Status) -> Exit:
    """Whether somebody needs to look. Where nothing is fetched, no service can be late."""
    bad = BAD if status.fetches else (State.STOPPED, State.FAILING)
    if status.full or any(each.state in bad for each in status.found):
        return Exit.UNREACHABLE
    return Exit.WAITING if _waits(status) else Exit.WELL


def _waits(status: _Status) -> bool:
    """Whether some mail waits for somebody."""
    undecided = any(each.held or each.deferred or each.in_work for each in status.found)
    return bool(undecided or status.queue or status.archive.lost or status.unsigned)


def _shown(each: Figures) -> dict[str, object]:
    """Durations in seconds, as their names say; times in microseconds, as everywhere in JSON."""
    row = asdict(each)
    row |= {"state": each.state.value, "enabled": int(each.state is not State.DISABLED)}
    row["stopped"] = each.why if each.state is State.STOPPED else ""
    for name in ("lag", "lag_most"):
        span = row.pop(name)
        row[f"{name}_seconds"] = None if span is None else round(span / SECOND, 1)
    row["oldest_seconds"] = round((now() - each.oldest) / SECOND, 1) if each.oldest else None
    return row


def _unclaimed(each: Figures) -> str:
    """How many messages no service wants, and for how long."""
    if not each.unclaimed:
        return "0"
    return f"{each.unclaimed} ({lasting(Microseconds(now() - each.unclaimed_since))})"


def _say(found: Sequence[Figures], queue: Sequence[Queued]) -> None:
    table = [
        (
            each.name,
            each.state.value,
            when(each.last_success),
            each.waiting,
            lasting(Microseconds(now() - each.oldest)) if each.oldest else "",
            _unclaimed(each),
            each.held,
            each.deferred,
            each.in_work,
            each.hour,
            each.day,
            "" if each.lag is None else lasting(each.lag),
            cut(f"{when(each.failed)} {each.last_error}", _ERROR) if each.failed else "",
        )
        for each in found
    ]
    say_table(table, _HEADERS, "There is no service yet.")
    for each in found:
        if each.why:
            say(f"{each.name}: {each.state.value}. {each.why}")
    say(f"Mail queue: {len(queue)} waiting.")
