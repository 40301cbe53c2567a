"""record: the folders and files of intake within the environment's `files/`, readable by no others.

What is made takes the group of its folder, and the rights that the folder gives this group, whatever the umask: so
where Trac's user and that of a mail server's pipe share a group, each can go on with what the other made.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.file_owner import forbid_root

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

ROOT = "mailintake"
_FILE: Final = 0o060
"""What a file may take of its folder's rights, and what a folder may: never a right for others."""
_FOLDER: Final = stat.S_ISGID | 0o070


def private_folder(env: Environment, *names: str) -> str:
    """The absolute path of a folder below `files/mailintake`, which is created if needed, without rights for others.

    Raises OSError; PermissionError for root in an environment that is not root's.
    """
    path = os.path.join(env.files_dir, ROOT, *names)
    if not os.path.isdir(path):
        forbid_root(env.path, path)
        make_folder(path)
    return path


def create(path: str, flags: int) -> int:
    """Open a file, which is created if needed (with `flags` O_EXCL: must be), without rights for others.

    Returns the descriptor. Raises OSError, also for a symbolic link: whoever may write into the folder could plant one.
    """
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW
    folder = os.stat(os.path.dirname(path))
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600 | folder.st_mode & _FILE)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, flags)
    _take_after(folder, descriptor, 0o600 | folder.st_mode & _FILE)
    return descriptor


def _take_after(folder: os.stat_result, thing: int | str, mode: int) -> None:
    """Give a new file or folder the group of its folder and this mode; no right to a group that it cannot have.

    Before that nobody has more: the mode that it was made with was the same, less what the umask took.
    """
    made = os.stat(thing)
    if made.st_gid != folder.st_gid:
        try:
            os.chown(thing, -1, folder.st_gid)
        except PermissionError:
            mode &= ~_FOLDER
        made = os.stat(thing)
    if stat.S_IMODE(made.st_mode) != mode:
        os.chmod(thing, mode)


def flush_chain(top: str, path: str, known: set[str]) -> None:
    """Flush a folder's entry in its parent, and so on up to `top`. Raises OSError.

    Existing folders are flushed, too: their creator may have been killed before the flush, and Trac flushes none.
    Folders in `known` have been flushed; those above the folder itself are added.
    """
    for each in (path, *_between(top, path)):
        if each not in known:
            flush_folder(os.path.dirname(each))
    known.update(_between(top, path))


def flush_chains(top: str, paths: Iterable[str], known: set[str]) -> None:
    """Flush folders with their entries, and for each what `flush_chain` flushes, but nothing twice. Raises OSError."""
    wanted = set(paths)
    above = {each for path in wanted for each in _between(top, path)}
    for folder in sorted(wanted.union(map(os.path.dirname, (wanted | above) - known))):
        flush_folder(folder)
    known.update(above)


def _between(top: str, path: str) -> list[str]:
    above = []
    while (path := os.path.dirname(path)) not in (top, os.path.dirname(path)):
        above.append(path)
    return above


def make_folder(path: str) -> None:
    """Create a folder and its parents if needed, without rights for others. Raises OSError.

    New folders are flushed into their parents, so that files flushed into them later are not lost with them. If a flush
    fails, the folder is removed: otherwise the next caller would find it and rely on it.
    """
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for each in reversed(missing):
        _make(each)
        try:
            flush_folder(os.path.dirname(each))
        except OSError:
            with suppress(OSError):  # another process has already put something there
                os.rmdir(each)
            raise


def _make(path: str) -> None:
    above = os.stat(os.path.dirname(path))
    mode = 0o700 | above.st_mode & _FOLDER
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return  # another process made it
    _take_after(above, path, mode)


def flush_folder(path: str) -> None:
    """Make a folder's entries durable (fsync of the folder itself). Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
