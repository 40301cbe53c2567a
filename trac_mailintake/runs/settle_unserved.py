"""Settles mail that no round takes up any more, so that nothing stays undecided for ever.

- No service reads its mailbox: the service was removed, or points elsewhere. What is in the archive is held for an
  administrator, and the rest has vanished as far as this environment is concerned.
- A mail server's pipe handed it over, was told to keep it, and has not come again. What is in the archive is decided
  from there, and the rest has vanished.

Nothing is settled while a service cannot be opened, since it is not known then which mailbox it reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.runs.run_service import ServiceRun
from trac_mailintake.sources.local.absent import AbsentMailbox
from trac_mailintake.tracker.db.transaction import DAY, HOUR, now
from trac_mailintake.tracker.deliveries.mailbox import Absence
from trac_mailintake.tracker.deliveries.unserved import undecided

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly, Settings
    from trac_mailintake.intake.model import Account
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.runs.result import RoundResult
    from trac_mailintake.tracker.deliveries.unserved import Undecided

UNSERVED: Final = Absence(Microseconds(HOUR), Microseconds(0), reasons.VANISHED_UNSERVED())
"""An hour, since somebody may be about to correct a path or a host."""

_DAYS: Final = 7
GIVEN_UP: Final = Absence(Microseconds(DAY), Microseconds(_DAYS * DAY), reasons.VANISHED_GIVEN_UP(days=_DAYS))
"""A mail server tries several times a day, and gives up after some days, at most five by default. If it does come
later, it gets the answer that is in the journal."""


def settle(env: Environment, assembly: Assembly, heard: Callable[[RoundResult], None]) -> None:
    """Settle what no round takes up; `heard` gets the results of services on pipes. Raises TemporaryFailure."""
    try:
        found = undecided(env, assembly.settings.rules.kinds)
        services = _services(assembly.settings) if found else []
    except (SettingError, Misconfiguration) as error:
        env.log.info("Mail of removed services waits, since a service cannot be opened: %s", error)
        return
    served = {account for _, account in services}
    for each in found:
        if each.account not in served:
            _hold(env, assembly, each)
    for service, account in services:
        if _given_up(service, account, found):
            absent = assembly.absent(GIVEN_UP, "")
            heard(ServiceRun(env, absent).serve(service.name, source=AbsentMailbox(account)))


def _services(settings: Settings) -> list[tuple[Service, Account]]:
    """All services with their mailboxes. Raises SettingError, Misconfiguration."""
    return [(service, settings.open(service).account) for service in settings.services.all()]


def _hold(env: Environment, assembly: Assembly, each: Undecided) -> None:
    """Hold or ignore what one service took from a mailbox that no service reads now. A failure is logged."""
    try:
        absent = assembly.absent(UNSERVED, each.account.label)
        stand_in = assembly.settings.services.stand_in(each.service)
        report = absent.spine.run(stand_in, AbsentMailbox(each.account))
    except Exception:
        env.log.exception("Mail of %s, which no service reads any more, could not be settled", each.account.label)
        return
    if report.counts:
        env.log.warning("Mail of %s, which no service reads any more: %s", each.account.label, dict(report.counts))


def _given_up(service: Service, account: Account, found: Sequence[Undecided]) -> bool:
    """Whether a mail that a mail server handed over has waited for so long that it may be settled."""
    if not service.pushed or not service.enabled or service.stopped:
        return False
    return any(each.account == account and each.oldest <= now() - GIVEN_UP.sealed for each in found)
