"""Processes that start at once: forked from one that has imported everything and opened nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection as connections
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["__main__", "tests.crash.preloaded"])


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: `status` as the system says it (-9 for SIGKILL), what its function returned or raised."""

    status: int
    result: Any = None
    raised: str = ""


class Forked:
    """A process that calls `function`, one that can be imported, with arguments that can be pickled."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._connection, theirs = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_call, args=(theirs, function, arguments))
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def wait(self, seconds: float = 600) -> Ended:
        """Its end; after `seconds` it is killed, and TimeoutError raised."""
        result, raised = None, ""
        ready = connections.wait([self._connection, self._process.sentinel], seconds)
        if not ready:
            self.kill()
            message = f"process {self.pid} did not end within {seconds} s"
            raise TimeoutError(message)
        if self._connection.poll():
            try:
                result, raised = self._connection.recv()
            except EOFError:
                raised = "it ended without a word"
        self._process.join()
        status = self._process.exitcode
        assert status is not None
        self._connection.close()
        self._process.close()
        return Ended(status, result, raised)

    def running(self, seconds: float) -> bool:
        """Whether it has not ended after `seconds`."""
        return not connections.wait([self._connection, self._process.sentinel], seconds)

    def kill(self) -> None:
        """SIGKILL; harmless when it has ended."""
        self._process.kill()

    def stopped(self) -> bool:
        """Return when it has been stopped (true), or has ended (false)."""
        status = Path(f"/proc/{self.pid}/stat")
        while self.running(0.02):
            with suppress(OSError):
                if status.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] == "T":
                    return True
        return False

    def resume(self) -> None:
        """Let it go on after SIGSTOP."""
        os.kill(self.pid, signal.SIGCONT)


def call(function: Callable[..., object], *arguments: object, seconds: float = 600) -> Ended:
    """Call a function in a process of its own, and wait for its end."""
    return Forked(function, *arguments).wait(seconds)


def _call(connection: Connection, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    try:
        connection.send((function(*arguments), ""))
    except Exception:  # noqa: BLE001 - handed to the test, which looks at it
        connection.send((None, traceback.format_exc()))
    connection.close()
