"""Notices about overdue services, and about their recovery.

Each run checks at its beginning and its end. So does each process of the web interface from time to time, in case
nothing runs at all. The database lets only one of them send the notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac.util.datefmt import format_datetime, from_utimestamp, utc

from trac_mailintake.intake import reasons
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config import schedule
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.letters import LETTERS
from trac_mailintake.tracker.db.transaction import MINUTE, marks, now, transaction
from trac_mailintake.tracker.outgoing.enqueue import alert, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.mail.wording import Reason
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
        for some in ([each for each in found if not each.told], [each for each in found if each.told]):
            for recipient, services in _by_recipient(env, some).items():
                if recipient:
                    _tell(env, services, moment)
    except Exception:
        env.log.exception("Mail intake could not see whether a service is overdue")


def unsent(env: Environment) -> bool:
    """Whether such a notice is in the outbox and due."""
    return bool(LETTERS.due(env, f"subject IN ({marks(RULES)})", RULES))


def _by_recipient(env: Environment, services: Sequence[Unusual]) -> dict[str, list[Unusual]]:
    """Services by recipient; "" while sending is off, so that the notice is sent once it is on."""
    found: dict[str, list[Unusual]] = {}
    for each in services:
        found.setdefault(told(env, each.forward), []).append(each)
    return found


def _tell(env: Environment, services: Sequence[Unusual], moment: Microseconds) -> None:
    """Write one notice of services that no other process reports: the first statements write, so only one succeeds.

    All of them are overdue, or all have recovered.
    """
    with transaction(env) as db:
        mine = [each for each in services if _is_mine(db, each)]
        if not mine:
            return
        said = [_well(each) if each.told else _late(each, moment) for each in mine]
        slug, lines, late = said[0].slug, [each.sentence for each in said], not mine[0].told
        if late:
            lines.append("You are told again when it works. The setting `overdue` says after how long this is said.")
        alert(env, db, mine[0].name, slug, "\n\n".join(lines))
        log = env.log.error if late else env.log.info
        log("Mail intake: %s: %s", slug, ", ".join(each.name for each in mine))


def _is_mine(db: Connection, service: Unusual) -> bool:
    since = 0 if service.told else _since(service)
    cursor = db.cursor()
    cursor.execute(
        "UPDATE mailintake_service SET told=%s WHERE name=%s AND told=%s AND last_success=%s",
        (since, service.name, service.told, service.last_success),
    )
    return cursor.rowcount == 1


def _since(service: Unusual) -> Microseconds:
    """Since when no round succeeded: the last success, or when the service was added or enabled."""
    return max(service.began, service.last_success)


def _late(service: Unusual, moment: Microseconds) -> Reason:
    since = _since(service)
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
