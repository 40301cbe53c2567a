"""Files mail from the archive that no row of the journal has, by all rules, as a first run would (archive refile).

Mail is entered into the journal a hundred at a time, and filed before the next hundred is entered. It is taken in the
order in which it was fetched, so that answers come after what they answer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.failures import Waiting
from trac_mailintake.intake.ports import Clock
from trac_mailintake.intake.report import Report
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.archive.store import BUSY, alone
from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.deliveries.inventory import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.tracker.archive.records import Archived

_MOST: Final = 100
"""Mails that are entered together."""
_FAULTS: Final = 5
"""Faults of plugins or settings in one service after which the rest is left for later."""
_PAUSE: Final = Seconds(0.2)
_PAUSES: Final = 150
"""So often is mail waited for that waits for another one."""


@dataclass(slots=True)
class Plan:
    """What is to be refiled, in order.

    `skipped`: batches of processes that are alive, or not yet cleaned up after. `unrecorded`: how many batches have no
    records. `orphans`: how many mails, which are not among `mails`, are of services that do not exist, by their names.
    """

    mails: list[Archived] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unrecorded: int = 0
    orphans: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Refiled:
    """What became of it: a report for each service, and why it ended early, or ""."""

    plan: Plan
    reports: dict[str, Report] = field(default_factory=dict)
    error: str = ""


def plan(env: Environment, names: Sequence[str], since: date | None = None, service: str = "") -> Plan:
    """What would be refiled. `names`: the services that exist. Raises OSError, TemporaryFailure."""
    made = Plan()
    for batch in inventory.batches(env, since, service):
        if batch.worker is not Worker.OVER:
            made.skipped.append(batch.name)
            continue
        made.unrecorded += not batch.recorded
        for mail in batch.lost():
            if mail.record.service in names:
                made.mails.append(mail)
            else:
                made.orphans[mail.record.service] += 1
    made.mails.sort(key=lambda each: (each.record.fetched, each.path, each.offset))
    return made


class Refile:
    """Refiles as one worker. `advance` is called with the numbers of mails done, and of all."""

    def __init__(self, env: Environment, assembly: Assembly, advance: Callable[[int, int], None] | None = None) -> None:
        self._env = env
        self._assembly = assembly
        self._advance = advance
        self._clock = Clock()
        self._kinds = tuple(assembly.settings.rules.kinds)
        self._services = {each.name: each for each in assembly.settings.services.all()}

    def run(self, since: date | None = None, service: str = "") -> Refiled:
        """Refile what no row has, and what an earlier refiling left. Raises OSError, TemporaryFailure."""
        with alone(self._env) as free:
            if not free:
                return Refiled(Plan(), error=BUSY)
            self._assembly.recovery.sweep()
            done = Refiled(plan(self._env, tuple(self._services), since, service))
            for name, each in self._services.items():
                if service in ("", name):
                    self._file(each, done)
            self._enter_all(done)
        inventory.look(self._env)
        return done

    def _enter_all(self, done: Refiled) -> None:
        number = 0
        for some in _groups(done.plan.mails):
            if done.error:
                return
            chosen = self._services[some[0].record.service]
            self._assembly.refiling.enter(chosen, some)
            self._file(chosen, done)
            number += len(some)
            if self._advance is not None:
                self._advance(number, len(done.plan.mails))

    def _file(self, service: Service, done: Refiled) -> None:
        """File what is entered for a service, until nothing more of it is due."""
        shared = sum(_mailbox(each) == _mailbox(service) for each in self._services.values()) > 1
        report = done.reports.setdefault(service.name, Report())
        pauses = 0
        while not done.error:
            deliveries = self._assembly.refiling.claim(service, _MOST, shared=shared, kinds=self._kinds)
            if deliveries:
                report.add(self._assembly.spine.take(service, deliveries))
                done.error = report.down or _stops(report)
            elif pauses < _PAUSES and any(isinstance(each, Waiting) for each in report.deferred):
                pauses += 1
                self._clock.sleep(_PAUSE)
            else:
                return


def _stops(report: Report) -> str:
    """Why a service's mail is left for later; "" if it is not."""
    return report.faults[-1].sentence if len(report.faults) >= _FAULTS else ""


def _mailbox(service: Service) -> tuple[str, str, str, str]:
    return service.kind, service.server, service.folder, service.path


def _groups(mails: Sequence[Archived]) -> Iterator[Sequence[Archived]]:
    """The mails in groups of one service, in which no place of a mailbox occurs twice."""
    group: list[Archived] = []
    places: set[tuple[str, str]] = set()
    for mail in mails:
        place = (mail.record.account, mail.record.locator)
        if group and (len(group) == _MOST or place in places or mail.record.service != group[0].record.service):
            yield group
            group, places = [], set()
        group.append(mail)
        places.add(place)
    if group:
        yield group
