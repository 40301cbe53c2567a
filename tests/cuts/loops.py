"""A disk whose power can be cut: ext4 in a loop device. What the file system has not handed on is not in its file."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from tests.servers.machine import ServerMissing, is_root, program
from tests.waiting import WaitedInVainError, until

_MEGABYTES: Final = 64


@cache
def refusal() -> str:
    """Why there are no such disks here, "" when there are."""
    if not is_root():
        return "only root may make loop devices"
    try:
        with TemporaryDirectory() as folder, CutDisk(Path(folder)):
            return ""
    except ServerMissing as missing:
        return str(missing)
    except subprocess.CalledProcessError as error:
        return f"loop devices cannot be made here: {error.stderr.decode('utf-8', 'replace').strip()}"


class CutDisk:
    """An empty file system at `path`, in a file of its own. All that is needed lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "disk"
        self._file = folder / "disk.ext4"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Make and mount it; raises ServerMissing, CalledProcessError."""
        for name in ("losetup", "mkfs.ext4", "mount", "umount"):
            program(name)
        self.path.mkdir()
        with self._file.open("wb") as file:
            file.truncate(_MEGABYTES * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._file))
        try:
            self._attach()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Unmount it, and give the device back."""
        self._stack.close()

    def _attach(self) -> None:
        """Make the device, and mount it. It stays the same: its number is part of what an environment is known by."""
        self._device = _run("losetup", "--find", "--show", str(self._file)).strip()
        self._stack.callback(_run, "losetup", "--detach", self._device)
        self._mount()

    def _mount(self) -> None:
        _run("mount", "-t", "ext4", self._device, str(self.path))
        self._mounted = self._stack.enter_context(ExitStack())
        self._mounted.callback(_unmount, self.path)

    def settle(self) -> None:
        """Write all that waits."""
        _run("sync", "--file-system", str(self.path))

    def photograph(self) -> None:
        """Keep what is on it at this moment: not what waits to be written."""
        _run("cp", "--sparse=always", str(self._file), f"{self._file}.cut")

    def cut(self) -> None:
        """Go on with what was on it then. Nobody may have a file of it open any more."""
        self._mounted.close()
        _run("cp", f"{self._file}.cut", self._device)
        self._mount()


def _unmount(path: Path) -> None:
    def unmounted() -> bool:
        try:
            _run("umount", str(path))
        except subprocess.CalledProcessError:
            return False
        return True

    try:
        until(unmounted, what=f"somebody has a file of {path} open")
    except WaitedInVainError:
        _run("umount", "--lazy", str(path))
        raise


def _run(name: str, *words: str) -> str:
    return subprocess.run((program(name), *words), capture_output=True, check=True).stdout.decode()
