"""record: the live workers. A worker's name is the owner of its claims; a locked file shows that it is alive.

The kernel releases the lock (flock) however the process ends, so claims of a dead worker of this folder can be taken
over at once; those of a worker elsewhere when their lease has expired. Fencing numbers keep a worker that was wrongly
taken for dead from writing.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from trac_mailintake.tracker.db.transaction import temporary
from trac_mailintake.tracker.file_owner import forbid_root
from trac_mailintake.tracker.private_dir import ROOT, create, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment


class Worker:
    """A process, or a thread of tracd, that files mail. `owner` is 32 hex digits, new for each worker."""

    def __init__(self, env: Environment) -> None:
        """Create and lock this worker's file. Raises TemporaryFailure."""
        self.owner = uuid.uuid4().hex
        self.notes: list[str] = []
        """What must be cleaned up if no row refers to it."""
        with temporary(env):
            forbid_root(env.path, _folder(env))
            self._folder = private_folder(env, "workers")
            self._file = self._born()

    def _born(self) -> TextIO:
        """Create and lock this worker's file. If another worker removes it before it is locked, try again."""
        path = self._path(self.owner)
        while True:
            file = open(create(path, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8")  # noqa: SIM115 - open, and locked, for the worker's life
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                return file
            file.close()

    def _path(self, owner: str) -> str:
        return os.path.join(self._folder, owner)

    def note(self, line: str) -> None:
        """Note something that must be cleaned up if this worker dies, such as a batch of the archive."""
        self.notes.append(line)
        self._file.write(line + "\n")
        self._file.flush()

    def alive(self, owner: str) -> bool | None:
        """Whether a worker is alive; None if that is unknown here (another host)."""
        return True if owner == self.owner else _alive(self._path(owner))

    def miss(self, owner: str) -> None:
        """Take a worker of this folder for dead that has no file: a power cut may undo what was never flushed."""
        with suppress(FileExistsError):
            os.close(create(self._path(owner), os.O_WRONLY | os.O_EXCL))

    @contextmanager
    def dead(self) -> Iterator[dict[str, list[str]]]:
        """The dead workers of this folder, with their notes; they are locked within the block.

        If the block succeeds, all are forgotten except those that it removed from the dictionary.
        """
        files = []
        found = {}
        try:
            for owner in sorted(os.listdir(self._folder)):
                if owner == self.owner:
                    continue
                file = _locked(self._path(owner))
                if file is not None:
                    files.append((owner, file))
                    found[owner] = file.read().splitlines()
            yield found
            for owner in found:
                os.unlink(self._path(owner))
        finally:
            for _, file in files:
                file.close()

    def close(self) -> None:
        """End this worker, which must hold nothing any more."""
        if not self._file.closed:
            os.unlink(self._path(self.owner))
            self._file.close()


class Onlooker(Worker):
    """A worker that takes nothing, and so has no file: for who only wants to know what would become of a mail."""

    def __init__(self, env: Environment) -> None:
        """Makes nothing."""
        self.owner = uuid.uuid4().hex
        self.notes = []
        self._folder = _folder(env)

    def note(self, line: str) -> None:
        """Raise TypeError: it has nothing to clean up."""
        raise TypeError(line)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def alive(env: Environment, owner: str) -> bool | None:
    """Whether a worker is alive; None if it has ended, or is on another host. Makes no file. Raises OSError."""
    return _alive(os.path.join(_folder(env), owner))


def _folder(env: Environment) -> str:
    return os.path.join(env.files_dir, ROOT, "workers")


def _alive(path: str) -> bool | None:
    try:
        with open(path, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return None
    return False


def _is_at(file: TextIO, path: str) -> bool:
    """Whether an open file still has that name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _locked(path: str) -> TextIO | None:
    """The file, open and locked; None if its worker is alive or has ended, or another one is cleaning up after it."""
    try:
        file = open(path, encoding="utf-8")  # noqa: SIM115 - handed on, locked
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    if not _is_at(file, path):  # its worker ended between opening and locking, and nobody died
        file.close()
        return None
    return file
