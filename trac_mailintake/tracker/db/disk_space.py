"""Whether the disks that runs write to are full. Then a run fails, and cannot even store why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from trac.db.api import DatabaseManager

from trac_mailintake.tracker.db.transaction import is_sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

LEAST: Final = 256 * 1024
"""Bytes without which a run cannot work: the archive's file, SQLite's journal, a few lines of log."""


def shortages(env: Environment) -> tuple[str, ...]:
    """A sentence for each full disk that the environment is on, with what to do."""
    found: dict[int, str] = {}
    for folder in _folders(env):
        try:
            disk, device = os.statvfs(folder), os.stat(folder).st_dev
        except OSError:
            continue  # not there yet
        free = disk.f_bavail * disk.f_frsize
        if free < LEAST and device not in found:
            found[device] = (
                f"The disk is full: {folder} has {free // 1024} kB left. Runs fail and cannot store why; "
                "cron has mailed it. No mail is lost. Make room: the next run goes on."
            )
    return tuple(found.values())


def _folders(env: Environment) -> Iterator[str]:
    yield env.path
    yield env.files_dir
    if is_sqlite(env):
        _, arguments = DatabaseManager(env).get_connector()
        yield os.path.dirname(arguments["path"])
