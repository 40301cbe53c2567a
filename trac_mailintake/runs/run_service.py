"""Runs one round of one service, in the same way for cron's run, *Run now*, pipes and probes.

A round opens the source, files its mail, stops the service if it must not go on, and stores how it went.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import Fault, Misconfiguration, SourceError, Stale, TemporaryFailure
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.stages.claim import Bounds
from trac_mailintake.runs.result import Ending, RoundResult
from trac_mailintake.runs.stop_service import resume, stop, stop_when_alike
from trac_mailintake.tracker.config.circuit_breaker import CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.model import Left
    from trac_mailintake.intake.ports import Source
    from trac_mailintake.intake.report import Report
    from trac_mailintake.intake.times import Seconds

    Advance = Callable[[int, int], None]
    """Called with the number of mails done so far, and the number of all mails."""
    Progress = Callable[[str], AbstractContextManager[Advance | None]]
    """Shows the progress of a round within a block. Takes the service's name; None: progress is not shown."""


@contextmanager
def unseen(_: str) -> Iterator[None]:
    """A `Progress` that shows nothing."""
    yield


def conclusion(done: RoundResult) -> tuple[str, str]:
    """What to store of a round: its error ("" if it went well) and its result, a sentence each."""
    return done.error, done.summary


class ServiceRun:
    """Runs services one by one, as one worker.

    A round takes at most `limit` mails (None: all). `trace` gets each line of the dialogue with the mail server.
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
        trying: bool = False,
        until: Seconds | None = None,
        patience: Seconds | None = None,
        conclude: Callable[[RoundResult], tuple[str, str]] = conclusion,
    ) -> RoundResult:
        """Run one round of the service. For `until` and `patience` see `Bounds`, `Settings.open`.

        `source` has the mail that was handed over; None: open the service's mailbox. `trying`: it is the one mail that
        a stopped service tries; if it is taken, the service resumes. `conclude`: what to store, see `conclusion`.
        An unusable database fails the round too, and the next round finds what this one left. So does any other
        exception, and SystemExit, so that the other services run all the same.
        """
        done: RoundResult | None = None
        try:
            self._services.begin(name)
            done, left = self._served(name, source, until, patience, trying=trying)
            error, result = conclude(done)
            self._services.finish(name, error=error, result=result, left=left, undisposed=done.undisposed)
        except (TemporaryFailure, Stale) as error:
            return RoundResult(name, done.counts if done else {}, str(error), Ending.FAILED)
        return done

    def _served(
        self, name: str, handed: Source | None, until: Seconds | None, patience: Seconds | None, *, trying: bool
    ) -> tuple[RoundResult, Left | None]:
        """As `_serve`; an unexpected error is logged and becomes the result. Raises TemporaryFailure, Stale."""
        try:
            return self._serve(name, handed, until, patience, trying=trying)
        except (TemporaryFailure, Stale):
            raise
        except (Exception, SystemExit) as error:
            self._env.log.exception("The round of service %s failed", name)
            return RoundResult.unexpected(name, error), None

    def _serve(
        self, name: str, handed: Source | None, until: Seconds | None, patience: Seconds | None, *, trying: bool
    ) -> tuple[RoundResult, Left | None]:
        """Run the round. Returns its result, and what it left in the mailbox or None. Raises TemporaryFailure."""
        try:
            service = self._services.get(name)
            source = handed or self._assembly.settings.open(service, trace=self._trace, patience=patience)
        except (SettingError, Misconfiguration) as error:
            why = stop_when_alike(self._env, name, [Fault.of(error)])
            return RoundResult(name, {}, _stopped(why) or str(error), Ending.FAILED, stopped=why), None
        except SourceError as error:
            return RoundResult(name, {}, str(error), Ending.FAILED), None
        with self._progress(name) as advance:
            report = self._assembly.spine.run(service, source, Bounds(self._limit, until), advance)
        why = self._stop_or_go_on(name, report, trying=trying)
        left = None
        if handed is None and (report.undisposed or not report.error):
            left = self._assembly.mailbox.left(service, source.account)
        return _result(name, report, why), left

    def _stop_or_go_on(self, name: str, report: Report, *, trying: bool) -> str:
        """Stop the service if it must not go on. Returns why it stops, or "". Raises TemporaryFailure.

        A mail that fails while others are filed does not keep them out, however often it is tried.
        """
        breaker = CircuitBreaker(self._env)
        faults = [fault for delivery, fault in report.faulty if not breaker.is_its_own(name, delivery.id)]
        why = stop_when_alike(self._env, name, faults)
        if report.overrun:
            stop(self._env, name, report.overrun)
        elif report.decided and not faults:
            if trying:
                resume(self._env, name)
            else:
                breaker.worked(name)
        return report.overrun or why


_WAITING: Final = (Status.HELD.value, Status.DEFERRED.value)


def _result(name: str, report: Report, stopped: str) -> RoundResult:
    """The result of a round that ended; `stopped` is why the service does not go on."""
    counts = {status.value: report.counts[status] for status in Status if report.counts[status] > 0}
    failed = "; ".join(filter(None, (report.error, _stopped(stopped))))
    error = failed or report.down or next((each.sentence for each in report.faults), "")
    waiting = report.down or report.doubtful or not counts.keys().isdisjoint(_WAITING)
    ending = Ending.FAILED if failed else Ending.WAITING if waiting else Ending.WELL
    return RoundResult(name, counts, error, ending, report.remaining, report.undisposed, stopped, report.doubtful)


def _stopped(why: str) -> str:
    return f"stopped: {why}" if why else ""
