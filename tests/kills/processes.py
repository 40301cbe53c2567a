"""Runs and deliveries, forked from this process, which has imported everything and opened nothing; and their deaths."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import pkgutil
import signal
import sys
import time
import traceback
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

import trac.env
from trac.admin import console

import trac_mailintake
from tests.kills.shim import Tally, Victim
from trac_mailintake import deliver

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from pathlib import Path

_PR_SET_CHILD_SUBREAPER: Final = 36
_OTHERS: Final = (
    *("trac.db.sqlite_backend", "trac.db.postgres_backend", "trac.web.main", "trac.ticket.web_ui", "psycopg2"),
    *("trac.ticket.admin", "trac.ticket.notification", "trac.notification.mail", "trac.attachment", "trac.loader"),
    *("trac.wiki.web_ui", "trac.versioncontrol.api", "trac.timeline.web_ui", "trac.search.web_ui", "trac.about"),
)


def import_everything() -> None:
    """Import what a run imports, so that its forks need not; and become the parent of whoever loses theirs."""
    for module in pkgutil.walk_packages(trac_mailintake.__path__, "trac_mailintake."):
        with contextlib.suppress(ImportError):
            importlib.import_module(module.name)
    named = {point.value.partition(":")[0] for point in entry_points(group="trac.plugins")}
    for name in sorted(named | set(_OTHERS)):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # Each environment would look for its plugins again, which takes two thirds of the time of an idle run.
    trac.env.load_components = _nothing
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _nothing(*_: object) -> None:
    """All plugins are imported by now."""


class Group:
    """A process and all that it forks, in a process group of their own."""

    def __init__(self, work: Callable[[], object], said: Path, *, stdin: Path | None = None, ahead: int = 0) -> None:
        """Run `work` in a fork, with what it says in `said`, what it reads from `stdin`, a clock that is `ahead` s."""
        self.tally = Tally()
        self.status: int | None = None
        self.started = time.monotonic()
        self.killed = 0
        self._work, self._said, self._stdin, self._ahead = work, said, stdin, ahead
        self.pid = 0

    def start(self) -> None:
        """Fork."""
        sys.stdout.flush()
        sys.stderr.flush()
        self.started = time.monotonic()
        self.pid = os.fork()
        if not self.pid:
            self._become()
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)

    def _become(self) -> None:
        status = 70
        try:
            os.setpgid(0, 0)
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, signal.SIG_DFL)
            said = os.open(self._said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(os.open(self._stdin or os.devnull, os.O_RDONLY), 0)
            os.dup2(said, 1)
            os.dup2(said, 2)
            self.tally.watch(self._ahead)
            status = int(self._work() or 0)  # type: ignore[call-overload]  # Trac's commands return a number or None
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:  # noqa: BLE001 - nothing of the fork may go on in the harness
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def ended(self) -> bool:
        """Whether its first process is over; `status` is then how, negative for a signal."""
        if self.status is None:
            pid, waited = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(waited)
        return self.status is not None

    def gone(self) -> bool:
        """Whether all its processes are over."""
        if not self.ended():
            return False
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-self.pid, os.WNOHANG)[0]:
                pass
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def kill(self, victim: Victim, chance: random.Random) -> None:
        """SIGKILL for all, for the first process, or for one of its descendants (for all, if there is none)."""
        with contextlib.suppress(ProcessLookupError):
            if victim is Victim.PARENT:
                os.kill(self.pid, signal.SIGKILL)
            elif victim is Victim.ONE and (children := _descendants(self.pid)):
                os.kill(chance.choice(children), signal.SIGKILL)
            else:
                os.killpg(self.pid, signal.SIGKILL)
            self.killed += 1

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self._said.read_text(encoding="utf-8", errors="replace") if self._said.exists() else ""

    @property
    def kills(self) -> int:
        """How often it was killed, by us or by the shim."""
        return self.killed + self.tally.struck

    def wait(self, seconds: float) -> int:
        """Wait until all its processes are over; kills them when that takes too long. Returns the status."""
        deadline = time.monotonic() + seconds
        while not self.gone():
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(0.005)
        return self.status if self.status is not None else 70


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
        for child in children:
            found += [child, *_descendants(child)]
    return found


def command(env: Path, words: Sequence[str]) -> Callable[[], object]:
    """`trac-admin ENV words…`."""
    return lambda: console.run([str(env), *words])


def delivery(env: Path, service: str) -> Callable[[], object]:
    """`mailintake-deliver ENV SERVICE`."""

    def deliver_it() -> int:
        sys.argv = ["mailintake-deliver", str(env), service]
        return deliver.main()

    return deliver_it


def backends(postmaster: int) -> list[int]:
    """The processes of PostgreSQL's that serve somebody."""
    serving = []
    for pid in _descendants(postmaster):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if b"trac trac" in file.read():
                serving.append(pid)
    return serving
