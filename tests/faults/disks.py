"""The disk: full, and read-only. A small file system in memory is mounted over a part of the scene."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.crash.faults import Fault, Way
from tests.crash.places import Local
from tests.faults.model import Common, Struck

if TYPE_CHECKING:
    from tests.faults.scene import Scene

_SIZE: Final = 48
"""Megabytes of the file system: more than an environment needs."""


@cache
def _refusal() -> str:
    """Why nothing can be mounted here, "" when it can."""
    if sys.platform != "linux":
        return "only Linux mounts a tmpfs"
    with TemporaryDirectory() as folder:
        tried = _mount(Path(folder))
        if tried.returncode:
            return f"mounting is not permitted here: {tried.stderr.decode('utf-8', 'replace').strip()}"
        _unmount(Path(folder))
    return ""


def _mount(folder: Path) -> subprocess.CompletedProcess[bytes]:
    words = ("mount", "-t", "tmpfs", "-o", f"size={_SIZE}m,mode=0755", "tmpfs", str(folder))
    return subprocess.run(words, capture_output=True, check=False)


def _unmount(folder: Path) -> None:
    subprocess.run(("umount", "-l", str(folder)), check=True)


@dataclass(frozen=True, slots=True)
class OwnDisk(Common):
    """What both have in common: a file system of its own for the environment, its files, or the mailbox."""

    def missing(self) -> str:
        """See `Fault`."""
        return _refusal()


def _moved(scene: Scene) -> Path:
    """Put a part of the scene on a file system of its own; where that is."""
    choices = [scene.env / "files"] if scene.case.database != "sqlite" else [scene.env, scene.env / "files"]
    if isinstance(scene.box.place, Local) and scene.case.source != "pipe":
        choices.append(scene.box.place.folder)
    disk = scene.chance.choice(choices)
    disk.mkdir(exist_ok=True)
    kept = scene.folder / "kept"
    shutil.copytree(disk, kept, copy_function=shutil.copy2)
    mounted = _mount(disk)
    if mounted.returncode:
        raise OSError(mounted.stderr.decode("utf-8", "replace"))
    scene.undone.callback(_unmount, disk)
    shutil.copytree(kept, disk, copy_function=shutil.copy2, dirs_exist_ok=True)
    shutil.rmtree(kept)
    return disk


@dataclass(frozen=True, slots=True)
class Full(OwnDisk):
    """No space but for a few pages, so that it ends somewhere within a round."""

    def strike(self, scene: Scene) -> Struck:
        """One round, or two, on the full disk; then there is room again."""
        disk = _moved(scene)
        scene.prepare()
        ballast = disk / "ballast"
        left = scene.chance.choice((0, 1, 2, 5, 10, 20, 50)) * 4096
        _fill(ballast, left)
        try:
            for _ in range(scene.chance.randint(1, 2)):
                scene.meet()
        finally:
            ballast.unlink()
        return Struck()


def _fill(path: Path, left: int) -> None:
    """Write a file that leaves so many bytes of its disk."""
    status = os.statvfs(path.parent)
    with path.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, max(1, status.f_bavail * status.f_frsize - left))


@dataclass(frozen=True, slots=True)
class ReadOnly(OwnDisk):
    """Nothing can be written; from before a round on, or from a call in its midst."""

    def strike(self, scene: Scene) -> Struck:
        """One round; a process that has a file open for writing keeps the disk from becoming read-only."""
        disk = _moved(scene)
        scene.prepare()
        done: list[int] = []
        if scene.chance.random() < 0.5:
            _remount(disk, "ro", done)
            scene.meet()
        else:
            forked = scene.begin(Fault(scene.any_call(), Way.PAUSED))
            if forked.stopped():
                _remount(disk, "ro", done)
                forked.resume()
            forked.wait()
        _remount(disk, "rw", [])
        return Struck(hit=done == [0])


def _remount(disk: Path, how: str, done: list[int]) -> None:
    words = ("mount", "-o", f"remount,{how}", str(disk))
    done.append(subprocess.run(words, capture_output=True, check=False).returncode)


FAULTS: Final = (Full("disk-full"), ReadOnly("disk-read-only"))
