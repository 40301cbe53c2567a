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
from trac_mailintake.sources.local import lock_owner

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
    with contextlib.ExitStack() as stack:
        try:
            while not _take(name, stack):
                if time.monotonic() > deadline:
                    raise SourceError(f"{path}: another program holds {name} for {wait:g} s; the next run tries again")
                time.sleep(_PAUSE)
        except OSError as error:
            if required or error.errno not in _NO_RIGHT:
                raise
        yield


def _take(name: str, stack: contextlib.ExitStack) -> bool:
    """Whether we got the lock, until the end of the stack. Raises OSError."""
    try:
        stack.callback(_release, name, _create(name))
    except FileExistsError:
        return _take_over(name, stack)
    return True


def _release(name: str, descriptor: int) -> None:
    """Remove our lock, unless somebody thought that it was stale: then that name is theirs."""
    try:
        if _is_at(name, descriptor):
            os.unlink(name)
    except FileNotFoundError:
        pass
    finally:
        os.close(descriptor)


def _create(name: str) -> int:
    """Create the lock, with the number of our process in it; returns its descriptor. Raises FileExistsError, OSError.

    It appears with its content, where the file system can do that: liblockfile takes a lock without a number for that
    of a living process, so mail would not be delivered for minutes if a run was killed before it wrote the number.
    """
    try:
        return _create_whole(name)
    except FileExistsError:
        raise
    except OSError:
        return _signed(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))


def _create_whole(name: str) -> int:
    nameless = _signed(os.open(os.path.dirname(name), os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, _MODE))
    try:
        # Only linkat(2) follows the link in /proc, and Python calls it only if a folder is given.
        os.link(f"/proc/self/fd/{nameless}", name, src_dir_fd=nameless)
    except BaseException:
        os.close(nameless)
        raise
    return nameless


def _signed(descriptor: int) -> int:
    """Write who we are. Raises OSError, and closes it then."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        lock_owner.sign(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _take_over(name: str, stack: contextlib.ExitStack) -> bool:
    """Take a lock over that a killed process of ours left, and remove one that is stale. Returns whether we got it.

    The former stays where it is, so that nobody else's lock can be removed by mistake. flock(2) keeps processes of ours
    from doing that together: a lock that is alive has it.
    """
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        _sweep(name)  # not ours
        return False
    with contextlib.ExitStack() as opened:
        opened.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        if not _is_at(name, descriptor):
            return False
        if lock_owner.is_dead(descriptor):
            opened.pop_all()
            stack.callback(_release, name, _signed(descriptor))
            return _is_at(name, descriptor)
        _sweep(name)
    return False


def _is_at(name: str, descriptor: int) -> bool:
    """Whether an open file has that name. Raises OSError."""
    try:
        return os.path.samestat(os.lstat(name), os.fstat(descriptor))
    except FileNotFoundError:
        return False


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
