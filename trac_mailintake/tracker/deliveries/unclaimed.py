"""record: messages that every service on a mailbox leaves to the others (docs/behaviour.md#mail-for-somebody-else)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.deliveries.rows import passed_key
from trac_mailintake.tracker.lifecycle.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.model import Account, Listed
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.tracker.deliveries.rows import Row

NONE: Final = (0, Microseconds(0))


def unclaimed(
    env: Environment, service: Service, account: Account, listing: Sequence[Listed], rows: Iterable[Row]
) -> tuple[int, Microseconds]:
    """How many of the listed messages no enabled service wants, and since when the first of them."""
    passed = {row.live: row for row in rows if row.state is State.IGNORED and reasons.rule(row.rule or "").leaves}
    if not passed:
        return NONE
    names = services_here(env, service)
    since = [time for each in listing if (time := _passed_by_all(passed, names, account, each)) is not None]
    return (len(since), min(since)) if since else NONE


def _passed_by_all(
    passed: Mapping[str, Row], names: Iterable[str], account: Account, listed: Listed
) -> Microseconds | None:
    """Since when all of these services have left a message; None if one has not."""
    times: list[Microseconds] = []
    for name in names:
        row = passed.get(passed_key(account, listed, name))
        if row is None:
            return None
        times.append(row.recorded)
    return max(times)


def services_here(env: Environment, service: Service, *, enabled: bool = True) -> frozenset[str]:
    """The services on the mailbox of a service, with this one; `enabled`: only those that are."""
    place = (service.kind, service.server, service.folder, service.path)
    rows = env.db_query("SELECT name, enabled, kind, server, folder, path FROM mailintake_service")
    others = {
        name
        for name, is_enabled, *where in rows
        if (is_enabled or not enabled) and tuple(word or "" for word in where) == place
    }
    return frozenset(others | {service.name})
