"""record: where intake keeps its files, inside the environment's `files/`, readable by Trac's own user only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trac.env import Environment

ROOT = "mailintake"


def private_folder(env: Environment, *names: str) -> str:
    """The absolute path of a folder below `files/mailintake`, made (mode 0700) when it is not there.

    Made folders are flushed into their parents, so that what is flushed into them later is not lost with them.
    """
    path = os.path.join(env.files_dir, ROOT, *names)
    if not os.path.isdir(path):
        made = path
        missing = []
        while not os.path.isdir(made):
            missing.append(made)
            made = os.path.dirname(made)
        os.makedirs(path, mode=0o700, exist_ok=True)
        for each in missing:
            flush_folder(os.path.dirname(each))
    return path


def flush_folder(path: str) -> None:
    """Make a folder's entries durable (fsync of the folder itself). Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
