"""record: the folders of intake within the environment's `files/`, readable only by Trac's user."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

ROOT = "mailintake"


def private_folder(env: Environment, *names: str) -> str:
    """The absolute path of a folder below `files/mailintake`, which is created with mode 0700 if needed.

    Raises OSError.
    """
    path = os.path.join(env.files_dir, ROOT, *names)
    make_folder(path, 0o700)
    return path


def flush_chain(top: str, path: str, known: set[str]) -> None:
    """Flush a folder's entry in its parent, and so on up to `top`. Raises OSError.

    Existing folders are flushed, too: their creator may have been killed before the flush, and Trac flushes none.
    Folders in `known` have been flushed; those above the folder itself are added.
    """
    for each in (path, *_between(top, path)):
        if each not in known:
            flush_folder(os.path.dirname(each))
    known.update(_between(top, path))


def flush_chains(top: str, paths: Iterable[str], known: set[str]) -> None:
    """Flush folders with their entries, and for each what `flush_chain` flushes, but nothing twice. Raises OSError."""
    wanted = set(paths)
    above = {each for path in wanted for each in _between(top, path)}
    for folder in sorted(wanted.union(map(os.path.dirname, (wanted | above) - known))):
        flush_folder(folder)
    known.update(above)


def _between(top: str, path: str) -> list[str]:
    above = []
    while (path := os.path.dirname(path)) not in (top, os.path.dirname(path)):
        above.append(path)
    return above


def make_folder(path: str, mode: int = 0o777) -> None:
    """Create a folder and its parents if needed. Raises OSError.

    New folders are flushed into their parents, so that files flushed into them later are not lost with them. If a flush
    fails, the folder is removed: otherwise the next caller would find it and rely on it.
    """
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for each in reversed(missing):
        os.makedirs(each, mode, exist_ok=True)
        try:
            flush_folder(os.path.dirname(each))
        except OSError:
            with suppress(OSError):  # another process has already put something there
                os.rmdir(each)
            raise


def flush_folder(path: str) -> None:
    """Make a folder's entries durable (fsync of the folder itself). Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
