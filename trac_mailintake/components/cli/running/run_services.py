"""A run: one round of each service that is due, what came of it in a line, and the mail queue afterwards."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import Exit
from trac_mailintake.components.cli.output import progress, say, say_json
from trac_mailintake.components.cli.running.result import Round
from trac_mailintake.components.options import MailIntakeSystem
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.ports import Misconfiguration, SourceError, Stale, TemporaryFailure
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.tracker.deliveries.retention import purge_daily
from trac_mailintake.tracker.outgoing import overdue
from trac_mailintake.tracker.outgoing.stopped import stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.components.cli.running.parallel import Said
    from trac_mailintake.intake.model import Left
    from trac_mailintake.intake.round import Report

ALIKE: Final = 5
"""Faults of the same kind in a row after which a service stops."""


class Rounding:
    """A run of one worker. `quiet` says nothing of services without news, so that cron sends no mail about them."""

    def __init__(
        self,
        env: Environment,
        assembly: Assembly,
        *,
        quiet: bool,
        limit: int | None,
        trace: Callable[[str], None] | None,
        progress: Callable[[str], AbstractContextManager[Callable[[int, int], None] | None]] = progress,
    ) -> None:
        """`progress` shows how far a service's round has come, which it is told while the block lasts."""
        self._env = env
        self._assembly = assembly
        self._quiet = quiet and not sys.stdout.isatty()
        self._limit = limit
        self._trace = trace
        self._progress = progress

    def run(self, names: Sequence[str], *, as_json: bool) -> int:
        """Run the services, several at once; what befalls one neither delays the others nor keeps them from running."""
        self._assembly.recorder.sweep()
        self._assembly.recorder.announce_owed()
        rounds: list[Round] = []

        def heard(done: Round) -> None:
            rounds.append(done)
            if not as_json and (done.counts or done.error or not self._quiet):
                say(done.line)

        self._serve_all(names, heard)
        overdue.tell(self._env)
        flushed = self._assembly.outbox.flush()
        purge_daily(self._env)
        if as_json:
            rounds.sort(key=lambda each: names.index(each.service))
            say_json([{"service": each.service, "counts": each.counts, "error": each.error} for each in rounds])
        elif flushed.failure:
            say(f"Mail queue: {flushed.sent} sent, {flushed.waiting} waiting. {flushed.failure}")
        return max((each.exit for each in rounds), default=Exit.WELL)

    def _serve_all(self, names: Sequence[str], heard: Callable[[Round], None]) -> None:
        at_once = MailIntakeSystem(self._env).at_once
        if len(names) > 1 and at_once > 1:
            from trac_mailintake.components.cli.running import parallel  # noqa: PLC0415 - a single service does without

            if parallel.possible():
                ended: list[Round] = []
                with self._progress(f"{len(names)} services") as advance:
                    # What is said while a bar is shown would be said in the middle of it.
                    told = ended.append if advance else heard
                    ears = parallel.Ears(told, self._trace or _ignored, advance or _ignored, self._lost)
                    parallel.Abreast(self._env, self._serve_apart, ears, at_once).run(names)
                for done in ended:
                    heard(done)
                return
        for name in names:
            heard(self.serve(name))

    def _serve_apart(self, name: str, tell: Callable[[Said], None]) -> Round:
        """One round in a process of its own, as a worker of its own."""
        from trac_mailintake.components.cli.running.parallel import Advance, Line  # noqa: PLC0415 - as above

        @contextmanager
        def progress(_: str) -> Iterator[Callable[[int, int], None]]:
            yield lambda done, total: tell(Advance(done, total))

        trace = (lambda line: tell(Line(line))) if self._trace else None
        with bridge.watched_intake(self._env) as assembly:
            own = Rounding(self._env, assembly, quiet=True, limit=self._limit, trace=trace, progress=progress)
            return own.serve(name)

    def _lost(self, name: str, why: str) -> Round:
        """Its process ended before the round did."""
        self._env.log.error("Mail intake's service %s: %s", name, why)
        with suppress(TemporaryFailure):
            self._assembly.settings.services.finish(name, error=why, result=why)
        return Round(name, {}, why, Exit.UNREACHABLE)

    def serve(self, name: str, *, until: float | None = None, patience: int | None = None) -> Round:
        """One round of one service. `until` and `patience` are for who waits: see `Round.run`, `Settings.open`.

        A database that cannot be used is the round's failure, too: the next one finds all that this one left.
        """
        services = self._assembly.settings.services
        done: Round | None = None
        try:
            services.begin(name)
            done, left = self._serve(name, until, patience)
            result = done.line.removeprefix(f"{name}: ")
            services.finish(name, error=done.error, result=result, left=left, undisposed=done.undisposed)
        except (TemporaryFailure, Stale) as error:
            return Round(name, done.counts if done else {}, str(error), Exit.UNREACHABLE)
        return done

    def _serve(self, name: str, until: float | None, patience: int | None) -> tuple[Round, Left | None]:
        """The round itself; with what it left in the mailbox, None when nobody knows. Raises TemporaryFailure."""
        services = self._assembly.settings.services
        try:
            service = services.get(name)
            source = self._assembly.settings.open(service, trace=self._trace, patience=patience)
        except (SettingError, Misconfiguration) as error:
            self._stop_when_alike(name, [str(error)])
            return Round(name, {}, str(error), Exit.UNREACHABLE), None
        except SourceError as error:
            return Round(name, {}, str(error), Exit.UNREACHABLE), None
        with self._progress(name) as advance:
            report = self._assembly.round.run(service, source, limit=self._limit, progress=advance, until=until)
        self._stop_when_alike(name, report.faults)
        if report.overrun:
            stop(self._env, services, name, report.overrun)
        if not report.faults and any(status is not Status.DEFERRED for status in report.counts):
            services.recovered(name)
        left = None if report.error and not report.undisposed else self._assembly.recorder.left(service, source.account)
        return _round(name, report), left

    def _stop_when_alike(self, name: str, faults: Sequence[str]) -> None:
        """Count what an administrator must mend; after five alike the service stops, which `status` says."""
        services = self._assembly.settings.services
        for fault in faults:
            if services.failed_alike(name, fault) >= ALIKE:
                self._env.log.error("Mail intake's service %s stops: %s", name, fault)
                stop(self._env, services, name, f"{ALIKE} times in a row: {fault}")
                return


def _ignored(*_: object) -> None:
    """Nobody listens."""


def _round(name: str, report: Report) -> Round:
    counts = {status.value: report.counts[status] for status in Status if report.counts[status] > 0}
    stopped = f"stopped: {report.overrun}" if report.overrun else ""
    error = report.error or stopped or report.down or next(iter(report.faults), "")
    if report.error or stopped:
        return Round(name, counts, error, Exit.UNREACHABLE, report.remaining, report.undisposed)
    waiting = report.down or Status.HELD.value in counts or Status.DEFERRED.value in counts
    return Round(name, counts, error, Exit.WAITING if waiting else Exit.WELL, report.remaining)
