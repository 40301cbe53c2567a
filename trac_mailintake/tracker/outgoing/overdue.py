"""Notices about overdue services, and about their recovery.

Each run checks at its beginning and its end. So does each process of the web interface from time to time, in case
nothing runs at all. The database lets only one of them send the notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac.util.datefmt import format_datetime, from_utimestamp, utc

from trac_mailintake.intake import reasons
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.wording import Reason
from trac_mailintake.tracker.config import schedule
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.letters import LETTERS
from trac_mailintake.tracker.db.transaction import MINUTE, marks, now, transaction
from trac_mailintake.tracker.outgoing.enqueue import alert, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.tracker.config.schedule import Unusual
    from trac_mailintake.tracker.db.transaction import Connection

RULES: Final = (reasons.OVERDUE.slug, reasons.RECOVERED.slug)


def tell(env: Environment, *, tried: bool = False) -> None:
    """Write the due notices to the outbox, one for each recipient. A failure is logged, and the next check repeats it.

    For `tried` see `schedule.unusual`.
    """
    try:
        moment = now()
        found = schedule.unusual(env, moment, tried=tried)
        for (recipient, _), services in _notices(env, found).items():
            if recipient:
                _tell(env, services, moment)
    except Exception:
        env.log.exception("Mail intake could not see whether a service is overdue")


def unsent(env: Environment) -> bool:
    """Whether such a notice is in the outbox and due."""
    return bool(LETTERS.due(env, f"subject IN ({marks(RULES)})", RULES))


def _notices(env: Environment, services: Sequence[Unusual]) -> dict[tuple[str, bool], list[Unusual]]:
    """Services by recipient and by whether they have recovered, the overdue ones first.

    The recipient is "" while sending is off, so that the notice is sent once it is on.
    """
    found: dict[tuple[str, bool], list[Unusual]] = {}
    for each in sorted(services, key=lambda service: bool(service.told)):
        found.setdefault((told(env, each.forward), bool(each.told)), []).append(each)
    return found


def _tell(env: Environment, services: Sequence[Unusual], moment: Microseconds) -> None:
    """Write one notice of services that no other process reports: the first statements write, so only one succeeds.

    All of them are overdue, or all have recovered.
    """
    with transaction(env) as db:
        mine = [each for each in services if _is_mine(db, each)]
        if mine:
            slug, text = _notice(mine, moment)
            alert(env, db, mine[0].name, slug, text)
            log = env.log.info if mine[0].told else env.log.error
            log("Mail intake: %s: %s", slug, ", ".join(each.name for each in mine))


def _notice(services: Sequence[Unusual], moment: Microseconds) -> tuple[str, str]:
    """Rule and text of the notice of services that are all overdue, or have all recovered."""
    said = [_well(each) if each.told else _late(each, moment) for each in services]
    lines = [each.sentence for each in said]
    if not services[0].told:
        lines.append("You are told again when it works. The setting `overdue` says after how long this is said.")
    return said[0].slug, "\n\n".join(lines)


def _is_mine(db: Connection, service: Unusual) -> bool:
    since = 0 if service.told else _since(service)
    cursor = db.cursor()
    cursor.execute(
        "UPDATE mailintake_service SET told=%s WHERE name=%s AND told=%s AND last_success=%s",
        (since, service.name, service.told, service.last_success),
    )
    return cursor.rowcount == 1


def _since(service: Unusual) -> Microseconds:
    """Since when mail has waited, or no round succeeded: the last success, or when it was added or enabled."""
    return service.backlog.since or max(service.began, service.last_success)


def _late(service: Unusual, moment: Microseconds) -> Reason:
    since = _since(service)
    if service.backlog.why is not None:
        span = lasting(Microseconds(moment - since))
        wording = reasons.OVERDUE_WAITS
        return Reason(
            wording, {"service": service.name, "since": _said(since), "span": span, "why": service.backlog.why}
        )
    added = "" if service.last_success >= service.began else reasons.ADDED_THEN()
    if service.last_run <= since + MINUTE:
        why = reasons.NONE_BEGUN()
    elif service.last_error:
        why = reasons.LAST_FAILED(moment=_said(service.last_run), error=service.last_error)
    else:
        why = reasons.LAST_UNFINISHED(moment=_said(service.last_run))
    span = lasting(Microseconds(moment - since))
    return reasons.OVERDUE(service=service.name, since=_said(since), added=added, span=span, why=why)


def _well(service: Unusual) -> Reason:
    span = lasting(Microseconds(service.last_success - service.told))
    return reasons.RECOVERED(service=service.name, since=_said(service.last_success), span=span)


def _said(moment: Microseconds) -> str:
    return f"{format_datetime(from_utimestamp(moment), '%Y-%m-%d %H:%M', utc)} UTC"
