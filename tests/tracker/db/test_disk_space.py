"""Which disks are full; on a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components.test_log_failures import disk, full
from trac_mailintake.tracker.db.disk_space import shortages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

__all__ = ["disk"]


def test_a_full_disk_is_named_once(sqlite_env: TracEnv, disk: Path) -> None:
    """However many of the environment's folders are on it; a disk with room is not mentioned."""
    assert shortages(sqlite_env.env) == ()
    copied = sqlite_env.copied(disk / "env")
    assert shortages(copied.env) == ()
    with full(disk):
        [sentence] = shortages(copied.env)
    assert f"The disk is full: {copied.path} has 0 kB left" in sentence
    assert shortages(copied.env) == ()
    copied.close()


def test_only_the_attachments_may_be_on_a_full_disk(sqlite_env: TracEnv, disk: Path) -> None:
    """They may be large, so they are often elsewhere. A folder that is not there yet is not full."""
    files = sqlite_env.path / "files"
    assert not files.exists()
    files.symlink_to(disk)
    with full(disk):
        [sentence] = shortages(sqlite_env.env)
    assert f"{disk} has 0 kB left" in sentence
