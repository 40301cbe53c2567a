"""Folders in which link(2) fails: another mount of the same device, and a file system without hard links."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tests.servers.machine import ServerMissing, is_root, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MEGABYTES: Final = 16


@contextmanager
def bound(folder: Path) -> Iterator[None]:
    """Mount a folder over itself. Raises ServerMissing where that is not possible."""
    with _mounted(folder, "--bind", str(folder)):
        yield


@contextmanager
def vfat(folder: Path, image: Path) -> Iterator[None]:
    """Mount a new file system there, which is in the file `image`. Raises ServerMissing where that is not possible."""
    make = program("mkfs.vfat")
    with image.open("wb") as file:
        file.truncate(_MEGABYTES * 1024 * 1024)
    subprocess.run((make, str(image)), capture_output=True, check=True)
    with _mounted(folder, "--types", "vfat", "--options", "loop", str(image)):
        yield


@contextmanager
def _mounted(folder: Path, *how: str) -> Iterator[None]:
    if not is_root():
        message = "only root may mount"
        raise ServerMissing(message)
    done = subprocess.run((program("mount"), *how, str(folder)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerMissing(done.stderr.partition("\n")[0])
    try:
        yield
    finally:
        subprocess.run((program("umount"), "--lazy", str(folder)), check=True)
