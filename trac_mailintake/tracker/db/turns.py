"""record: on SQLite our writers take turns, and leave the write lock free for whoever saves a page meanwhile.

SQLite has one write lock for the whole database. Who waits for it only looks again now and then: after 1, 2, 5, 10, 15,
20, 25, 25, 25, 50, 50 milliseconds, then each 100 (main.c, sqliteDefaultBusyCallback). A program that writes again at
once always comes first, so several of ours, or one in a hurry, could keep a person out until Trac gives up after ten
seconds. Therefore:

- a lock file, which the kernel frees if its holder dies, lets only one of ours at a time want the write lock;
- after 100 ms under the write lock, in one transaction or several, all of ours leave it free for 110 ms: longer than
  anybody sleeps who waits for it.

PostgreSQL and MariaDB lock rows, and need none of this.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.file_owner import forbid_root
from trac_mailintake.tracker.private_dir import ROOT, create

if TYPE_CHECKING:
    from trac.env import Environment

FILE: Final = "write.lock"
LONGEST: Final = Seconds(0.1)
"""How long ours may have the write lock before they rest. A transaction that has begun ends in order."""
REST: Final = Seconds(0.11)
"""For how long they leave it free then."""
AT_ONCE: Final = Seconds(0.0)
"""The patience of whoever writes for somebody who is waiting: neither for another turn nor for the end of a rest."""
_PATIENCE: Final = Seconds(10.0)
"""After this time a writer goes on without its turn, as long as Trac waits for the write lock: a holder may hang."""
_PAUSE: Final = Seconds(0.004)
"""Between two looks whether the turn is free. A wait in the kernel could not be given up in a thread of tracd."""


class _Past(NamedTuple):
    """What the file says of the turns before.

    `used`: time under the write lock since the last rest. `freed`: when the last turn ended. `commit`: how long the
    last commit of a group took.
    """

    used: Seconds = Seconds(0.0)
    freed: Seconds = Seconds(0.0)
    commit: Seconds = Seconds(0.0)


_FORMAT: Final = struct.Struct("<ddd")


class Turn:
    """One transaction's turn, for a `with` block around it.

    It is a courtesy: where the file cannot be used, or whoever has the turn hangs, the block begins all the same.
    """

    def __init__(self, env: Environment, patience: Seconds = _PATIENCE) -> None:
        """`patience`: how long to wait for the turn."""
        self._env = env
        self._patience = patience
        self._file = -1
        self._past = _Past()
        self._began: Seconds | None = None
        self._writes: Seconds | None = None

    def __enter__(self) -> Self:
        """Wait for the turn, and for the end of the rest."""
        self._file = _locked(self._env, self._patience)
        past = _read(self._file)
        self._past = past if self._patience == AT_ONCE else _rested(past)
        return self

    def begin(self) -> None:
        """The transaction has the write lock now."""
        self._began = _now()

    def used_up(self) -> bool:
        """Whether a transaction that could go on should commit now, so as to be over in time.

        At least half of the time is for writing: on a slow disk a group would otherwise be a single mail. Never without
        a turn.
        """
        if self._began is None:
            return False
        return _now() - self._began >= max(LONGEST - self._past.commit, LONGEST / 2)

    def commit(self) -> None:
        """The transaction has written all, and only makes it durable; `used_up` of the next one reckons with this."""
        self._writes = _now()

    def __exit__(self, *_: object) -> None:
        """Let go of the turn."""
        if self._file < 0:
            return
        try:
            _write(self._file, self._after())
        finally:
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_UN)  # a process that was forked meanwhile has it open, too
            os.close(self._file)
            self._file = -1

    def _after(self) -> _Past:
        end = _now()
        used = 0.0 if self._began is None else end - self._began
        commit = self._past.commit if self._writes is None else Seconds(end - self._writes)
        return _Past(Seconds(self._past.used + used), end, commit)


def rest(env: Environment) -> None:
    """Wait for the end of a rest that is due, before something that writes with a turn `AT_ONCE`."""
    with suppress(OSError):  # nobody took a turn yet
        file = os.open(os.path.join(env.files_dir, ROOT, FILE), os.O_RDONLY | os.O_CLOEXEC)
        try:
            past = _read(file)
        finally:
            os.close(file)
        _rested(past)


def _locked(env: Environment, patience: Seconds) -> int:
    """The file's descriptor, locked; -1 if it cannot be had."""
    path = os.path.join(env.files_dir, ROOT, FILE)
    with suppress(OSError):  # such as a folder that no round has made yet
        if not os.path.exists(path):
            forbid_root(env.path, path)
        file = create(path, os.O_RDWR)
        try:
            if _lock(file, patience):
                return file
        except OSError:
            os.close(file)
            raise
        os.close(file)
    return -1


def _lock(file: int, patience: Seconds) -> bool:
    until = _now() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _now() > until:
                return False
            _wait(_PAUSE)
        else:
            return True


def _rested(past: _Past) -> _Past:
    """The state after the rest, which is waited for only if it is due."""
    free = _now() - past.freed
    if free < 0:  # another boot's clock
        return _Past(commit=past.commit)
    if past.used < LONGEST and free < REST:
        return past
    _wait(Seconds(max(0.0, REST - free)))
    return _Past(commit=past.commit)


def _read(file: int) -> _Past:
    with suppress(OSError, struct.error):  # it is new
        return _Past(*map(Seconds, _FORMAT.unpack(os.pread(file, _FORMAT.size, 0) if file >= 0 else b"")))
    return _Past()


def _write(file: int, past: _Past) -> None:
    with suppress(OSError):  # a full disk
        os.pwrite(file, _FORMAT.pack(*past), 0)


def _wait(seconds: Seconds) -> None:
    """Not `time.sleep`: it computes a deadline, which libfaketime, with which clocks are tested, cannot wait for."""
    select.select((), (), (), seconds)


def _now() -> Seconds:
    """The system's monotonic clock, which all its processes share."""
    return Seconds(time.monotonic())
