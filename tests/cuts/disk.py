"""What of an environment would be lost if the power went now: what was changed, and not flushed since."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tests.cuts.calls import FLUSHES, WRITES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.cuts.calls import Call

_KEPT: Final = (("db",), ("files", "mailintake", "archive"), ("files", "attachments"))
"""Folders of an environment that refer to mail, and hold it."""
_MADE: Final = frozenset({"mkdir", "mkdirat"})
_REMOVED: Final = frozenset({"unlink", "unlinkat", "rmdir"})
_NAMED_ANEW: Final = frozenset({"rename", "renameat", "renameat2", "link", "linkat"})


class Disk:
    """Files and folders below an environment that refer to mail: database, archive, attachments.

    After a flush that failed, the system takes what it could not write for written (that is so on Linux since 4.13):
    another flush of the same file says yes, and does nothing. Only what is written anew is flushed again.
    """

    def __init__(self, env: Path) -> None:
        """As it lies there before the first call."""
        self._database = os.path.join(env, "db")
        self._above = {os.path.join(env, *names[:end]) for names in _KEPT for end in range(1, len(names) + 1)}
        self._folders = tuple(os.path.join(env, *names) for names in _KEPT)
        self._files = {os.path.join(folder, name) for folder, _, names in os.walk(env) for name in names}
        self._dirty: set[str] = set()
        self._lost: set[str] = set()

    def see(self, call: Call) -> None:
        """Something was asked of the system."""
        if call.name in FLUSHES:
            self._flush(call)
        elif call.paths and not call.failed:
            if call.name in WRITES or call.name == "truncate":
                self._change(call.path)
            else:
                self._name(call)

    def _flush(self, call: Call) -> None:
        if call.killed:
            return  # nobody knows, and the next flush is as good
        if call.failed and call.path in self._dirty:
            self._lost.add(call.path)
        self._dirty.discard(call.path)

    def _change(self, path: str) -> None:
        self._dirty.add(path)
        if path.startswith(self._database):  # SQLite writes all of a transaction's pages again before it gives it up
            self._lost.discard(path)

    def _name(self, call: Call) -> None:
        path, last = call.paths[0], call.paths[-1]
        if call.name in _MADE or (call.name == "openat" and "O_CREAT" in call.words and path not in self._files):
            self._appear(path)
        elif call.name in _REMOVED:
            self._vanish(path)
        elif call.name in _NAMED_ANEW:
            self._appear(last)
            for kept in (self._dirty, self._lost):
                kept.update({last} if path in kept else ())
            if not call.name.startswith("link"):
                self._vanish(path)

    def _appear(self, path: str) -> None:
        self._files.add(path)
        self._rewrite(path)

    def _vanish(self, path: str) -> None:
        self._files.discard(path)
        self._dirty.discard(path)
        self._lost.discard(path)
        self._rewrite(path)

    def _rewrite(self, path: str) -> None:
        """A name came or went; the names of all that must be kept lie in folders that must, or are these themselves."""
        folder = os.path.dirname(path)
        if path in self._above or folder.startswith(self._folders):
            self._lost.discard(folder)
            self._dirty.add(folder)

    def losing(self) -> list[str]:
        """What would be lost."""
        above = {os.path.dirname(path) for path in self._above}
        found = self._dirty | self._lost
        return sorted(
            path for path in found if path in above or (path.startswith(self._folders) and not path.endswith("-shm"))
        )


def losing_at(disk: Disk, calls: Iterable[Call], moments: Iterable[int]) -> Iterator[tuple[Call, list[str]]]:
    """What would be lost just before the calls with these indexes."""
    wanted = set(moments)
    for index, call in enumerate(calls):
        if index in wanted:
            yield call, disk.losing()
        disk.see(call)
