"""record: where intake keeps its files, inside the environment's `files/`, readable by Trac's own user only."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trac.env import Environment

ROOT = "mailintake"


def private_folder(env: Environment, *names: str) -> str:
    """The absolute path of a folder below `files/mailintake`, made (mode 0700) when it is not there.

    Raises OSError.
    """
    path = os.path.join(env.files_dir, ROOT, *names)
    make_folder(path, 0o700)
    return path


def flush_chain(top: str, path: str, known: set[str]) -> None:
    """Flush a folder's entry in its parent, and so on up to `top`. Raises OSError.

    Also of folders that were there before: who made them may have been killed before they were flushed, and Trac
    flushes none. Those that are `known` were; those above the folder itself become so.
    """
    for each in (path, *_between(top, path)):
        if each not in known:
            flush_folder(os.path.dirname(each))
    known.update(_between(top, path))


def _between(top: str, path: str) -> list[str]:
    above = []
    while (path := os.path.dirname(path)) not in (top, os.path.dirname(path)):
        above.append(path)
    return above


def make_folder(path: str, mode: int = 0o777) -> None:
    """Make a folder and its parents unless they are there. Raises OSError.

    Made folders are flushed into their parents, so that what is flushed into them later is not lost with them. One
    whose flush failed is removed: else the next one who comes would find it there, and take it for safe.
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
            with suppress(OSError):  # somebody else was quick, and has put something there
                os.rmdir(each)
            raise


def flush_folder(path: str) -> None:
    """Make a folder's entries durable (fsync of the folder itself). Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
