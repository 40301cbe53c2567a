"""A run of several services at once: a process for each, so that a slow server delays nobody's mail but its own.

Each process is a fork that opens the database anew, is a worker of its own, and does what a run of its service alone
does. What it has to say comes by a pipe. However it ends, the others go on; when the run is killed they end, too.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final

from trac.db.api import DatabaseManager

from trac_mailintake.intake.ports import Misconfiguration, TemporaryFailure
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.runs.result import Ending, RoundResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

    from trac.env import Environment

log = logging.getLogger(__name__)

GRACE: Final = 5.0
"""Seconds that a process has to end by itself."""
_TOGETHER: Final = 1.0
"""Seconds in which Ctrl-C has reached all processes of a terminal."""
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_SET_PARENT_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG of prctl(2): Linux has it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the dialogue with a mail server."""

    text: str


@dataclass(frozen=True, slots=True)
class Advance:
    """How many mails of a service are done, of how many."""

    done: int
    total: int


Said = Line | Advance | RoundResult


class _Ended(BaseException):
    """This process was told to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True)
class Ears:
    """Who listens. `lost` makes a round of what is told of a process that ended before its round did."""

    round: Callable[[RoundResult], None]
    line: Callable[[str], None]
    advance: Callable[[int, int], None]
    lost: Callable[[str, str], RoundResult]


def possible() -> bool:
    """Whether this process may be forked: it can, and nothing in it goes on by itself."""
    return hasattr(os, "fork") and threading.active_count() == 1


class Abreast:
    """Rounds of several services, at most `at_once` at a time."""

    def __init__(
        self, env: Environment, serve: Callable[[str, Callable[[Said], None]], RoundResult], ears: Ears, at_once: int
    ) -> None:
        """`serve` is called in a process of its own, with the service's name and who is told meanwhile."""
        self._env = env
        self._serve = serve
        self._ears = ears
        self._at_once = at_once
        self._alive: dict[Connection, ForkProcess] = {}
        self._advanced: dict[str, Advance] = {}

    def run(self, names: Sequence[str]) -> None:
        """Serve them all; each is told of when it ends. Whatever ends this process ends the others."""
        waiting = deque(names)
        with self._ending_together():
            while waiting or self._alive:
                while waiting and len(self._alive) < self._at_once:
                    self._begin(waiting.popleft())
                for pipe in wait(list(self._alive)):
                    self._hear(pipe)  # type: ignore[arg-type]  # they are what was waited for

    def _begin(self, name: str) -> None:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        family = os.getpid(), [ours, *self._alive]
        process = context.Process(target=_live, args=(self._serve, name, theirs, *family), name=name)
        # A connection to a database cannot be shared, nor may text that waits to be printed be printed twice.
        DatabaseManager(self._env).shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        process.start()
        theirs.close()
        self._alive[ours] = process

    def _hear(self, pipe: Connection) -> None:
        process = self._alive[pipe]
        try:
            said: Said = pipe.recv()
        except (EOFError, OSError):
            _end([process], GRACE)
            said = self._ears.lost(process.name, f"its process ended with {_word(process.exitcode)}")
        match said:
            case Line():
                self._ears.line(f"{process.name} {said.text}")
            case Advance():
                self._advanced[process.name] = said
                each = self._advanced.values()
                self._ears.advance(sum(one.done for one in each), sum(one.total for one in each))
            case RoundResult():
                del self._alive[pipe]
                pipe.close()
                _end([process], GRACE)
                self._ears.round(said)

    @contextmanager
    def _ending_together(self) -> Iterator[None]:
        def end(number: int, _: object) -> None:
            raise _Ended(number)

        before = {number: signal.signal(number, end) for number in _ENDING if _is_default(number)}
        try:
            yield
        except BaseException as error:
            self._stop(together=isinstance(error, KeyboardInterrupt))
            for number, handler in before.items():
                signal.signal(number, handler)
            if isinstance(error, _Ended):
                os.kill(os.getpid(), error.number)
            raise
        for number, handler in before.items():
            signal.signal(number, handler)

    def _stop(self, *, together: bool) -> None:
        """Let the others end in order, as Ctrl-C makes them; a terminal has told them already."""
        processes = list(self._alive.values())
        deadline = time.monotonic() + (_TOGETHER if together else 0)
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
        for process in processes:
            if process.exitcode is None and process.pid is not None:
                os.kill(process.pid, signal.SIGINT)
        _end(processes, GRACE)


def _live(
    serve: Callable[[str, Callable[[Said], None]], RoundResult],
    name: str,
    pipe: Connection,
    parent: int,
    others: Sequence[Connection],
) -> None:
    """The life of a process that serves one service."""
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for other in others:
        other.close()
    try:
        _die_with(parent)
        done = serve(name, pipe.send)
    except (SettingError, Misconfiguration, TemporaryFailure) as error:
        done = RoundResult(name, {}, str(error), Ending.FAILED)
    except KeyboardInterrupt:
        return
    except Exception as error:
        log.exception("The round of service %s failed", name)
        done = RoundResult(name, {}, f"{type(error).__name__}: {error}; where, is in Trac's log", Ending.FAILED)
    pipe.send(done)


def _die_with(parent: int) -> None:
    """End as by Ctrl-C when the run is killed: nobody hears this process then, nor could end it by ending the run."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        return
    # Whoever was begun in the background of a shell does not hear Ctrl-C.
    deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM if deaf else signal.SIGINT)
    if os.getppid() != parent:
        raise KeyboardInterrupt


def _end(processes: Sequence[ForkProcess], seconds: float) -> None:
    """Wait for processes that are about to end; those that do not are killed."""
    deadline = time.monotonic() + seconds
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.exitcode is None:
            process.kill()
            process.join()


def _is_default(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_DFL


def _word(exitcode: int | None) -> str:
    """How a process ended: `SIGKILL`, or a number."""
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return str(exitcode)
