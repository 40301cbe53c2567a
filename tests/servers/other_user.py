"""Another user of this host, for tests of whose files are whose. Only root can become somebody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.servers.tracenv import Finished

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.servers.tracenv import TracEnv


def _interpreter() -> str:
    """This Python, or the system's own of the same version if others may not enter the folder of this one; or ""."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for each in (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin") or ""):
        real = Path(each).resolve()
        if each and all(folder.stat().st_mode & 0o001 for folder in real.parents):
            return each
    return ""


PYTHON: Final = _interpreter()
"""The interpreter of other users' commands."""

only_root: Final = pytest.mark.skipif(
    os.geteuid() != 0 or not PYTHON, reason="only root can become another user, who needs a Python they can reach"
)

OWNER: Final = (65534, 65534)
"""User and group that own the environment: `nobody`."""
PIPE: Final = (54321, 54321)
"""User and group of a mail server's pipe; neither has a name."""
_PATHS: Final = (str(Path(__file__).parents[2]), sysconfig.get_path("purelib"))
SHARED: Final = 54322
"""A group that both may be in."""


@contextmanager
def acting_as(user: tuple[int, int], *groups: int) -> Iterator[None]:
    """Within the block this process has the rights of that user and of these groups besides."""
    before = os.getgroups()
    os.setgroups(groups)
    os.setegid(user[1])
    os.seteuid(user[0])
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


@contextmanager
def open_to_all(trac: TracEnv) -> Iterator[TracEnv]:
    """A copy of the environment at a place that every user can reach; `give` says whose it is."""
    top = Path(tempfile.mkdtemp(prefix="mailintake-owner-"))
    top.chmod(0o755)
    copy = trac.copied(top / "env")
    try:
        yield copy
    finally:
        copy.close()
        shutil.rmtree(top)


def give(path: Path, user: tuple[int, int], group: int | None = None) -> None:
    """Let all below `path` belong to the user, and to the group instead of theirs; with a group it may write there."""
    for each in (path, *path.rglob("*")):
        os.chown(each, user[0], user[1] if group is None else group)
        if group is not None:
            each.chmod(0o2770 if each.is_dir() else 0o660)


def run_as(
    user: tuple[int, int], command: Sequence[str], *, groups: Sequence[int] = (), stdin: bytes = b"", umask: int = 0o022
) -> Finished:
    """The command in a process of that user."""
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        user=user[0],
        group=user[1],
        extra_groups=groups,
        umask=umask,
        cwd="/",
        timeout=120,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": "/", "PYTHONPATH": os.pathsep.join(_PATHS)},
    )
    return Finished(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def admin(trac: TracEnv, *words: str) -> list[str]:
    """The words of `trac-admin ENV words…`."""
    return [PYTHON, "-m", "trac.admin.console", str(trac.path), *words]


def pipe(trac: TracEnv, service: str) -> list[str]:
    """The words of `mailintake-deliver ENV SERVICE`."""
    return [
        PYTHON,
        "-c",
        "import sys; from trac_mailintake.deliver import main; sys.exit(main())",
        str(trac.path),
        service,
    ]


def files(path: Path) -> set[str]:
    """All files and folders below `path`, relative to it."""
    return {str(each.relative_to(path)) for each in path.rglob("*")}
