"""What happens in processes of their own (`tests.crash.zygote`), besides what `tests.crash.rounds` has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from tests.crash import rounds
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config import schedule
from trac_mailintake.tracker.db.transaction import SECOND, now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.crash.places import Step
    from tests.crash.rounds import Done, State

_MOST: Final = 12
"""Rounds after which all must have come to an end."""

_UNFINISHED: Final = """\
SELECT (SELECT COUNT(*) FROM mailintake_delivery
WHERE state IN ('free', 'claimed', 'deferred', 'sealed', 'resumed', 'reclaimed')),
(SELECT COUNT(*) FROM mailintake_delivery WHERE notify=1),
(SELECT COUNT(*) FROM mailintake_outbox WHERE sent=0)"""

_ORPHANS: Final = {
    "an attachment without its ticket": (
        "SELECT a.id, a.filename FROM attachment a WHERE a.type='ticket' "
        "AND NOT EXISTS (SELECT 1 FROM ticket t WHERE CAST(t.id AS CHAR(20))=a.id)"
    ),
    "a change without its ticket": (
        "SELECT c.ticket, c.time FROM ticket_change c WHERE NOT EXISTS (SELECT 1 FROM ticket t WHERE t.id=c.ticket)"
    ),
    "a field without its ticket": (
        "SELECT c.ticket, c.name FROM ticket_custom c WHERE NOT EXISTS (SELECT 1 FROM ticket t WHERE t.id=c.ticket)"
    ),
    "an id without its delivery": (
        "SELECT m.id, m.ticket FROM mailintake_message_id m WHERE m.outgoing=0 AND NOT EXISTS "
        "(SELECT 1 FROM mailintake_delivery d WHERE d.id=m.delivery AND d.ticket=m.ticket)"
    ),
    "a letter without its delivery": (
        "SELECT o.id, o.kind FROM mailintake_outbox o WHERE o.delivery IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM mailintake_delivery d WHERE d.id=o.delivery)"
    ),
    "a delivery whose ticket is not there": (
        "SELECT d.id, d.ticket FROM mailintake_delivery d WHERE d.ticket IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.id=d.ticket)"
    ),
    "a delivery whose comment is not there": (
        "SELECT d.id, d.comment FROM mailintake_delivery d WHERE d.state='commented' AND NOT EXISTS "
        "(SELECT 1 FROM ticket_change c WHERE c.ticket=d.ticket AND c.field='comment' "
        "AND c.oldvalue=CAST(d.comment AS CHAR(20)))"
    ),
}
"""Rows that refer to what is not there."""


@dataclass(frozen=True, slots=True)
class End:
    """How things stand when nothing is left to do. `rounds` are those that it took, after the fault."""

    state: State
    orphans: tuple[str, ...]
    rounds: tuple[Done, ...]
    unfinished: tuple[int, ...]


def harmed(harm: AbstractContextManager[object], *steps: Step) -> list[Any]:
    """Several functions, one after the other, in a process that comes to harm; what each returned."""
    with harm:
        return [function(*arguments) for function, arguments in steps]


def prepare(path: Path, server: Mapping[str, str], service: Mapping[str, str], *, clear: bool) -> None:
    """Store server and service in an environment; empty it before if it was used already."""
    with rounds.opened(path):
        if clear:
            rounds.clear(path)
        rounds.prepare(path, server, service)


def to_the_end(path: Path, step: Step, *, retry: bool = False) -> End:
    """Round after round, an hour apart, until nothing is left to do; then one more, which must change nothing."""
    function, arguments = step
    done: list[Any] = []
    quiet = 0
    with rounds.opened(path):
        while quiet < 2 and len(done) < _MOST:
            _enable(path)
            if retry:
                rounds.retry_held(path)
            done.append(function(*arguments))
            if function is rounds.hand_over:
                rounds.run_due(path)
            quiet = 0 if any(_unfinished(path)) else quiet + 1
            rounds.hour_passes(path)
        return replace(look(path), rounds=tuple(done))


def look(path: Path) -> End:
    """How things stand now."""
    with rounds.opened(path):
        return End(rounds.look(path), tuple(orphans(path)), (), _unfinished(path))


def _enable(path: Path) -> None:
    """What an administrator does once a service has stopped and the reason is mended."""
    with rounds.opened(path) as env:
        stopped = env.db_query("SELECT name FROM mailintake_service WHERE stopped<>''")
    if stopped:
        rounds.enable(path)


def _unfinished(path: Path) -> tuple[int, ...]:
    with rounds.opened(path) as env:
        [row] = env.db_query(_UNFINISHED)
    return tuple(row)


def orphans(path: Path) -> list[str]:
    """Rows that refer to what is not there."""
    with rounds.opened(path) as env:
        return [f"{what}: {row}" for what, sql in _ORPHANS.items() for row in env.db_query(sql)]


def due(path: Path, seconds: int) -> bool:
    """Whether the service is due now, or `seconds` from now."""
    with rounds.opened(path) as env:
        _enable(path)
        return any(
            rounds.SERVICE in schedule.due(env, Microseconds(now() + wait * SECOND)) for wait in (0, seconds + 1)
        )
