"""The dead-man notice: a service of which no round has gone well for long, and again when one does.

Whoever comes by looks: each run, at its begin and at its end, and each process of the web interface now and then, in
case that nothing runs at all. The database sees to it that only one of them tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac.util.datefmt import format_datetime, from_utimestamp, utc

from trac_mailintake.tracker.config import schedule
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.transaction import SECOND, marks, now, transaction
from trac_mailintake.tracker.outgoing.enqueue import alert, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.tracker.config.schedule import Unusual
    from trac_mailintake.tracker.db.transaction import Connection

OVERDUE: Final = "overdue"
RECOVERED: Final = "recovered"
RULES: Final = (OVERDUE, RECOVERED)

_MINUTE: Final = 60 * SECOND


def tell(env: Environment, *, tried: bool = False) -> None:
    """Write the notices that are due into the outbox, one for each recipient. A failure is logged; the next one tells.

    `tried` as in `schedule.unusual`.
    """
    try:
        moment = now()
        found = schedule.unusual(env, moment, tried=tried)
        for rule, some in ((OVERDUE, [each for each in found if not each.told]), (RECOVERED, [*filter(_told, found)])):
            for recipient, services in _by_recipient(env, some).items():
                if recipient:
                    _tell(env, rule, services, moment)
    except Exception:
        env.log.exception("Mail intake could not see whether a service is overdue")


def unsent(env: Environment) -> bool:
    """Whether such a notice waits, and is due to be sent."""
    sql = f"SELECT id FROM mailintake_outbox WHERE sent=0 AND retry_at<=%s AND subject IN ({marks(RULES)}) LIMIT 1"
    return bool(env.db_query(sql, (now(), *RULES)))


def _told(service: Unusual) -> bool:
    return bool(service.told)


def _by_recipient(env: Environment, services: Sequence[Unusual]) -> dict[str, list[Unusual]]:
    """Who is told of which; nobody ("") while sending is off, so that he is told once it is on."""
    found: dict[str, list[Unusual]] = {}
    for each in services:
        found.setdefault(told(env, each.forward), []).append(each)
    return found


def _tell(env: Environment, rule: str, services: Sequence[Unusual], moment: int) -> None:
    """One notice of those services that nobody else is telling of: the first statements write, and so only one does."""
    with transaction(env) as db:
        mine = [each for each in services if _is_mine(db, each)]
        if not mine:
            return
        lines = [_late(each, moment) if rule == OVERDUE else _well(each) for each in mine]
        if rule == OVERDUE:
            lines.append("You are told again when it works. The setting `overdue` says after how long this is said.")
        alert(env, db, mine[0].name, rule, "\n\n".join(lines))
        log = env.log.error if rule == OVERDUE else env.log.info
        log("Mail intake: %s: %s", rule, ", ".join(each.name for each in mine))


def _is_mine(db: Connection, service: Unusual) -> bool:
    since = 0 if service.told else _since(service)
    cursor = db.cursor()
    cursor.execute(
        "UPDATE mailintake_service SET told=%s WHERE name=%s AND told=%s AND last_success=%s",
        (since, service.name, service.told, service.last_success),
    )
    return cursor.rowcount == 1


def _since(service: Unusual) -> int:
    """Since when nothing went well: the last success, or when it was added or enabled."""
    return max(service.began, service.last_success)


def _late(service: Unusual, moment: int) -> str:
    since = _since(service)
    began = "" if service.last_success >= service.began else " (it was added or enabled then)"
    what = f"No round of the service {service.name} has gone well since {_said(since)}{began}"
    if service.last_run <= since + _MINUTE:
        why = "None was begun since: does cron still run `trac-admin ENV mailintake run`?"
    else:
        why = f"The last one, of {_said(service.last_run)}, " + (
            f"failed: {service.last_error}" if service.last_error else "did not come to its end."
        )
    return f"{what}, for {lasting(moment - since)}. {why}"


def _well(service: Unusual) -> str:
    after = lasting(service.last_success - service.told)
    return (
        f"The service {service.name} works again since {_said(service.last_success)}: it has recovered after {after}."
    )


def _said(moment: int) -> str:
    return f"{format_datetime(from_utimestamp(moment), '%Y-%m-%d %H:%M', utc)} UTC"
