"""Runs all services that are due, several at once. Then sends what is owed, and does the daily purge."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.runs.parallel import Abreast, Advance, Ears, Line, possible
from trac_mailintake.runs.result import Ending, RoundResult
from trac_mailintake.runs.run_service import ServiceRun, unseen
from trac_mailintake.runs.settle_unserved import settle
from trac_mailintake.tracker.deliveries.retention import purge_daily
from trac_mailintake.tracker.outgoing import overdue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.runs.parallel import Said
    from trac_mailintake.runs.run_service import Progress
    from trac_mailintake.tracker.outgoing.outbox import Flushed


class ServicesRun:
    """A run by one worker. It serves up to `at_once` services at the same time, each in a process of its own.

    `opened` opens the intake again in each of those processes. For `limit`, `trace` and `progress` see `ServiceRun`.
    """

    def __init__(
        self,
        env: Environment,
        assembly: Assembly,
        opened: Callable[[], AbstractContextManager[Assembly]],
        *,
        at_once: int,
        limit: int | None = None,
        trace: Callable[[str], None] | None = None,
        progress: Progress = unseen,
    ) -> None:
        self._env = env
        self._assembly = assembly
        self._opened = opened
        self._at_once = at_once
        self._limit = limit
        self._trace = trace
        self._progress = progress

    def run(self, names: Sequence[str], heard: Callable[[RoundResult], None]) -> Flushed:
        """Run the services; `heard` is called with the result of each. Returns what became of the mail queue.

        A service that fails does not keep the others from running.
        """
        self._assembly.recovery.sweep()
        self._assembly.recorder.announce_owed()
        self._serve_all(names, heard)
        settle(self._env, self._assembly, heard)
        overdue.tell(self._env)
        flushed = self._assembly.outbox.flush()
        purge_daily(self._env)
        return flushed

    def _serve_all(self, names: Sequence[str], heard: Callable[[RoundResult], None]) -> None:
        if len(names) > 1 and self._at_once > 1 and possible():
            ended: list[RoundResult] = []
            with self._progress(f"{len(names)} services") as advance:
                # Output during a progress bar would appear in the middle of it.
                told = ended.append if advance else heard
                ears = Ears(told, self._trace or _ignored, advance or _ignored, self._lost)
                Abreast(self._env, self._serve_apart, ears, self._at_once).run(names)
            for done in ended:
                heard(done)
            return
        run = ServiceRun(self._env, self._assembly, limit=self._limit, trace=self._trace, progress=self._progress)
        for name in names:
            heard(run.serve(name))

    def _serve_apart(self, name: str, tell: Callable[[Said], None]) -> RoundResult:
        """Run one round in the process that was started for it, with a worker of its own."""

        @contextmanager
        def progress(_: str) -> Iterator[Callable[[int, int], None]]:
            yield lambda done, total: tell(Advance(done, total))

        trace = (lambda line: tell(Line(line))) if self._trace else None
        with self._opened() as assembly:
            return ServiceRun(self._env, assembly, limit=self._limit, trace=trace, progress=progress).serve(name)

    def _lost(self, name: str, why: str) -> RoundResult:
        """The result of a round whose process died."""
        self._env.log.error("Mail intake's service %s: %s", name, why)
        with suppress(TemporaryFailure):
            self._assembly.settings.services.finish(name, error=why, result=why)
        return RoundResult(name, {}, why, Ending.FAILED)


def _ignored(*_: object) -> None:
    """A callback that does nothing."""
