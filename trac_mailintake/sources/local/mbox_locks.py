"""fetch and dispose: the two locks of an mbox, dotlock and fcntl."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import TYPE_CHECKING

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAUSE = Seconds(0.05)
_STALE = Seconds(300.0)
"""The age at which a dotlock counts as stale; ours are held while the file is read."""

_MODE = 0o644
_NO_RIGHT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextlib.contextmanager
def dotlock(path: str, wait: Seconds, *, required: bool) -> Iterator[None]:
    """Hold `path.lock`. Unless `required`, do without it if the folder is not writable.

    Raises OSError, and SourceError when another program holds it for longer than `wait`.
    """
    name = f"{path}.lock"
    deadline = time.monotonic() + wait
    while not (held := _take(name, required=required)):
        if held is None:
            break
        if time.monotonic() > deadline:
            raise SourceError(f"{path}: another program holds {name} for {wait:g} s; the next run tries again")
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        if held:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)


def _take(name: str, *, required: bool) -> bool | None:
    """Whether we got the lock; None if it is impossible and not required."""
    try:
        _create(name)
    except FileExistsError:
        _sweep(name)
        return False
    except OSError as error:
        if required or error.errno not in _NO_RIGHT:
            raise
        return None
    return True


def _create(name: str) -> None:
    """Create the lock with the number of our process in it. Raises FileExistsError, OSError.

    It appears with its content, where the file system can do that: liblockfile takes a lock without a number for that
    of a living process, so mail would not be delivered for minutes if a run was killed before it wrote the number.
    """
    try:
        _create_whole(name)
    except FileExistsError:
        raise
    except OSError:
        _sign(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))


def _create_whole(name: str) -> None:
    nameless = os.open(os.path.dirname(name), os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, _MODE)
    kept = os.dup(nameless)
    try:
        _sign(nameless)
        # Only linkat(2) follows the link in /proc, and Python calls it only if a folder is given.
        os.link(f"/proc/self/fd/{kept}", name, src_dir_fd=kept)
    finally:
        os.close(kept)


def _sign(descriptor: int) -> None:
    """Write the number of our process, and close."""
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{os.getpid()}\n")


def _sweep(name: str) -> None:
    """Remove a stale lock; rename it first, so that only one of two programs that find it stale removes it."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - os.lstat(name).st_mtime > _STALE:
            own = f"{name}.{os.getpid()}"
            os.rename(name, own)
            os.unlink(own)


def lock(descriptor: int, path: str, wait: Seconds, *, exclusive: bool) -> None:
    """Lock an open file by fcntl; closing it unlocks. Raises SourceError after `wait`."""
    how = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.lockf(descriptor, how | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
        else:
            return
        if time.monotonic() > deadline:
            raise SourceError(f"{path}: another program has it locked for {wait:g} s; the next run tries again")
        time.sleep(_PAUSE)
