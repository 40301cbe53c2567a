"""One round of one service, from its begin to its end: the one place for cron's run, *Run now*, the pipe and the probe.

Begin, open the source, take what is there, stop the service if it must not go on, note how it went.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from trac_mailintake.intake.model import Status
from trac_mailintake.intake.ports import Misconfiguration, SourceError, Stale, TemporaryFailure
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.runs.result import Ending, RoundResult
from trac_mailintake.runs.stop_service import stop, stop_when_alike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.model import Left
    from trac_mailintake.intake.ports import Source
    from trac_mailintake.intake.round import Report

    Advance = Callable[[int, int], None]
    """Is told how many mails are done, of how many."""
    Progress = Callable[[str], AbstractContextManager[Advance | None]]
    """Shows how far the round of the service so called has come, which it is told while the block lasts."""


@contextmanager
def unseen(_: str) -> Iterator[None]:
    """A `Progress` that nobody watches."""
    yield


def conclusion(done: RoundResult) -> tuple[str, str]:
    """What is noted of a round: its error ("" when it went well) and its result, a sentence each."""
    return done.error, done.summary


class ServiceRun:
    """Runs services one by one, as one worker.

    At most `limit` mails a round; None for all. `trace` is told the dialogue with the mail server.
    """

    def __init__(
        self,
        env: Environment,
        assembly: Assembly,
        *,
        limit: int | None = None,
        trace: Callable[[str], None] | None = None,
        progress: Progress = unseen,
    ) -> None:
        self._env = env
        self._assembly = assembly
        self._services = assembly.settings.services
        self._limit = limit
        self._trace = trace
        self._progress = progress

    def serve(
        self,
        name: str,
        *,
        source: Source | None = None,
        until: float | None = None,
        patience: int | None = None,
        conclude: Callable[[RoundResult], tuple[str, str]] = conclusion,
    ) -> RoundResult:
        """One round of the service. `until` and `patience` are for who waits: see `Round.run`, `Settings.open`.

        `source` is what was handed over; None opens the service's mailbox. `conclude` as `conclusion`.
        A database that cannot be used is the round's failure, too: the next one finds all that this one left.
        """
        done: RoundResult | None = None
        try:
            self._services.begin(name)
            done, left = self._serve(name, source, until, patience)
            error, result = conclude(done)
            self._services.finish(name, error=error, result=result, left=left, undisposed=done.undisposed)
        except (TemporaryFailure, Stale) as error:
            return RoundResult(name, done.counts if done else {}, str(error), Ending.FAILED)
        return done

    def _serve(
        self, name: str, handed: Source | None, until: float | None, patience: int | None
    ) -> tuple[RoundResult, Left | None]:
        """The round itself; with what it left in the mailbox, None when nobody knows. Raises TemporaryFailure."""
        try:
            service = self._services.get(name)
            source = handed or self._assembly.settings.open(service, trace=self._trace, patience=patience)
        except (SettingError, Misconfiguration) as error:
            stop_when_alike(self._env, self._services, name, [str(error)])
            return RoundResult(name, {}, str(error), Ending.FAILED), None
        except SourceError as error:
            return RoundResult(name, {}, str(error), Ending.FAILED), None
        with self._progress(name) as advance:
            report = self._assembly.round.run(service, source, limit=self._limit, progress=advance, until=until)
        stop_when_alike(self._env, self._services, name, report.faults)
        if report.overrun:
            stop(self._env, self._services, name, report.overrun)
        if not report.faults and any(status is not Status.DEFERRED for status in report.counts):
            self._services.recovered(name)
        left = None
        if handed is None and (report.undisposed or not report.error):
            left = self._assembly.recorder.left(service, source.account)
        return _result(name, report), left


def _result(name: str, report: Report) -> RoundResult:
    counts = {status.value: report.counts[status] for status in Status if report.counts[status] > 0}
    stopped = f"stopped: {report.overrun}" if report.overrun else ""
    error = report.error or stopped or report.down or next(iter(report.faults), "")
    if report.error or stopped:
        return RoundResult(name, counts, error, Ending.FAILED, report.remaining, report.undisposed, report.overrun)
    waiting = report.down or Status.HELD.value in counts or Status.DEFERRED.value in counts
    return RoundResult(name, counts, error, Ending.WAITING if waiting else Ending.WELL, report.remaining)
