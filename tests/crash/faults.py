"""Calls of this process to the outside, counted; the n-th one fails.

Nothing is replaced: the interpreter's own profiling hook (`sys.setprofile`) sees each call of a function written in C.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import socket
import sqlite3
import ssl
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

try:
    from psycopg2 import OperationalError as PostgresError
    from psycopg2.extensions import connection as PostgresConnection  # noqa: N812 - a class, whatever its case
    from psycopg2.extensions import cursor as PostgresCursor  # noqa: N812 - likewise
except ImportError:
    PostgresError = PostgresConnection = PostgresCursor = type("Missing", (), {})


class Way(Enum):
    """How a call fails."""

    KILLED = "killed"
    """The process dies (SIGKILL) before it."""
    REFUSED = "refused"
    """It raises, and has done nothing."""
    PAUSED = "paused"
    """The process is stopped (SIGSTOP) before it, until somebody lets it go on."""
    UNANSWERED = "unanswered"
    """It has done what it should, and raises all the same: the answer was lost."""


class Harm(Protocol):
    """What befalls a process."""

    def meter(self) -> Meter | None:
        """What watches its calls; None when nobody does, which is quicker."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The `at`-th outside call fails; 0 for none."""

    at: int = 0
    way: Way = Way.KILLED

    def meter(self) -> Meter:
        """See `Harm`."""
        return Meter(self)


@dataclass(frozen=True, slots=True)
class Watch:
    """Nothing fails; the numbers of the calls of that name are noted where otherwise the call that failed is."""

    name: str

    def meter(self) -> Meter:
        """See `Harm`."""
        return _Noting(self)


@dataclass(frozen=True, slots=True)
class Peace:
    """Nothing fails, and nobody counts."""

    def meter(self) -> None:
        """See `Harm`."""


NONE: Final = Fault()
"""Nothing fails."""


_FUNCTIONS: Final = {
    "posix": frozenset(
        [
            "open",
            "mkdir",
            "link",
            "rename",
            "replace",
            "unlink",
            "remove",
            "rmdir",
            "truncate",
            "ftruncate",
            "write",
            "read",
            "pread",
            "pwrite",
            "fsync",
            "listdir",
        ]
    ),
    "io": frozenset({"open"}),
    "_io": frozenset({"open"}),
    "_sqlite3": frozenset({"connect"}),
    "sqlite3": frozenset({"connect"}),
    "fcntl": frozenset({"flock", "lockf"}),
    "select": frozenset({"select", "poll"}),
}
_METHODS: Final[tuple[tuple[type, frozenset[str]], ...]] = (
    (sqlite3.Cursor, frozenset({"execute", "executemany"})),
    (sqlite3.Connection, frozenset({"commit", "rollback"})),
    (PostgresCursor, frozenset({"execute", "executemany"})),
    (PostgresConnection, frozenset({"commit", "rollback"})),
    (socket.SocketType, frozenset({"connect", "send", "sendall", "recv", "recv_into"})),
    (ssl.SSLSocket, frozenset({"connect"})),
    (io.IOBase, frozenset({"write", "flush", "truncate", "read", "readline", "readinto"})),
)
_NOT_OUTSIDE: Final = (io.BytesIO, io.StringIO)


def _names_of(owner: object) -> frozenset[str]:
    """The methods of an object, or functions of a module, that lead outside."""
    if isinstance(owner, ModuleType):
        return _FUNCTIONS.get(owner.__name__, frozenset())
    if isinstance(owner, _NOT_OUTSIDE) or owner in (sys.stdout, sys.stderr):
        return frozenset()
    if type(owner).__name__ == "_SSLSocket":
        return frozenset({"read", "write", "do_handshake"})
    return next((names for kind, names in _METHODS if isinstance(owner, kind)), frozenset())


def _looks_for_plugins(frame: FrameType) -> bool:
    """Whether `importlib.metadata` reads what is installed: a hundred files that are not ours."""
    within: FrameType | None = frame
    for _ in range(3):
        if within is None:
            return False
        if within.f_globals.get("__name__", "").startswith("importlib."):
            return True
        within = within.f_back
    return False


def _failure(owner: object) -> Exception:
    """What such a call raises when it fails."""
    if isinstance(owner, sqlite3.Cursor | sqlite3.Connection):
        return sqlite3.OperationalError("disk I/O error, made by a test")
    if isinstance(owner, PostgresCursor | PostgresConnection):
        failure: Exception = PostgresError("server closed the connection unexpectedly, made by a test")
        return failure
    if isinstance(owner, socket.SocketType) or type(owner).__name__ == "_SSLSocket":
        return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer, made by a test")
    return OSError(errno.EIO, "Input/output error, made by a test")


class Meter:
    """Counts outside calls, and lets one of them fail."""

    def __init__(self, fault: Fault) -> None:
        self.calls = 0
        self.failed = ""
        """The call that failed."""
        self._fault = fault
        self._pending: object = None
        self._process = os.getpid()

    def __call__(self, frame: FrameType, event: str, call: Any) -> None:  # noqa: ANN401 - what the interpreter hands over
        """A profiling function: see `sys.setprofile`."""
        if event == "c_call":
            owner = getattr(call, "__self__", None)
            if call.__name__ in _names_of(owner) and not _looks_for_plugins(frame):
                self._count(call, owner)
        elif self._pending is not None and event == "c_return" and call == self._pending:
            self._pending = None
            raise _failure(call.__self__)

    def _count(self, call: Callable[..., object], owner: object) -> None:
        if os.getpid() != self._process:
            return  # a helper of this process, which inherited the hook
        self.calls += 1
        if self.calls != self._fault.at:
            return
        self.failed = f"{getattr(owner, '__name__', type(owner).__name__)}.{call.__name__}"
        match self._fault.way:
            case Way.KILLED:
                os.kill(os.getpid(), signal.SIGKILL)
            case Way.PAUSED:
                os.kill(os.getpid(), signal.SIGSTOP)
            case Way.REFUSED:
                raise _failure(owner)
            case Way.UNANSWERED:
                self._pending = call


class _Noting(Meter):
    """See `Watch`."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(NONE)
        self._name = watch.name

    def _count(self, call: Callable[..., object], owner: object) -> None:
        super()._count(call, owner)
        if call.__name__ == self._name:
            self.failed += f"{self.calls} "


@contextmanager
def failing(harm: Harm) -> Iterator[Meter]:
    """Count, and fail, within the block; a hook that raised is taken off by the interpreter."""
    meter = harm.meter()
    sys.setprofile(meter)
    try:
        yield meter or Meter(NONE)
    finally:
        sys.setprofile(None)
