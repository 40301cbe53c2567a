"""Runs several services at once, each in its own process, so that a slow server delays only its own mail.

Each process is a fork with its own database connection and worker, and runs its service as a single run would.
It reports through a pipe. However it ends, the others continue. If the run is killed, they end, too.
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

from trac_mailintake.intake.errors import Misconfiguration, TemporaryFailure
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs.result import Ending, RoundResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

    from trac.env import Environment

log = logging.getLogger(__name__)

GRACE: Final = Seconds(5.0)
"""The time that a process has to end by itself before it is killed."""
_TOGETHER: Final = Seconds(1.0)
"""The time within which Ctrl-C reaches all processes of a terminal."""
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_SET_PARENT_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG of prctl(2); Linux only."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the dialogue with a mail server."""

    text: str


@dataclass(frozen=True, slots=True)
class Advance:
    """Progress of a service: messages done, and messages in all."""

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
    """Callbacks for a child's messages. `lost(name, why)` builds the result of a child that died."""

    round: Callable[[RoundResult], None]
    line: Callable[[str], None]
    advance: Callable[[int, int], None]
    lost: Callable[[str, str], RoundResult]


def possible() -> bool:
    """Whether this process can be forked safely: the platform has fork, and there are no other threads."""
    return hasattr(os, "fork") and threading.active_count() == 1


class Abreast:
    """Rounds of several services, at most `at_once` at a time."""

    def __init__(
        self, env: Environment, serve: Callable[[str, Callable[[Said], None]], RoundResult], ears: Ears, at_once: int
    ) -> None:
        """`serve` is called in a process of its own, with the service's name and a callback for its messages."""
        self._env = env
        self._serve = serve
        self._ears = ears
        self._at_once = at_once
        self._alive: dict[Connection, ForkProcess] = {}
        self._advanced: dict[str, Advance] = {}

    def run(self, names: Sequence[str]) -> None:
        """Serve all of them, and report each when it ends. Whatever ends this process ends the others."""
        waiting = deque(names)
        with self._ending_together():
            while waiting or self._alive:
                while waiting and len(self._alive) < self._at_once:
                    self._begin(waiting.popleft())
                for pipe in wait(list(self._alive)):
                    self._hear(pipe)  # type: ignore[arg-type]  # the pipes that were waited for

    def _begin(self, name: str) -> None:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        family = os.getpid(), [ours, *self._alive]
        process = context.Process(target=_live, args=(self._serve, name, theirs, *family), name=name)
        # Before forking: processes cannot share a database connection, and buffered output would be printed twice.
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
        """Ask the other processes to end, as Ctrl-C does; `together`: a terminal has already signalled them."""
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
    """Main function of a process that serves one service."""
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
        done = RoundResult.unexpected(name, error)
    pipe.send(done)


def _die_with(parent: int) -> None:
    """Have this process end as by Ctrl-C if the run is killed, since nothing reads its messages or ends it then."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        return
    # A process started in the background of a shell ignores SIGINT.
    deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM if deaf else signal.SIGINT)
    if os.getppid() != parent:
        raise KeyboardInterrupt


def _end(processes: Sequence[ForkProcess], seconds: Seconds) -> None:
    """Wait `seconds` for processes to end, and kill those that do not."""
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
