"""fetch and dispose: shared code of the local sources. Only regular files count, not symbolic links."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import shutil
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes, unquote_to_bytes

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Answer, Reply
from trac_mailintake.mail.spool import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trac_mailintake.intake.model import Listed

DONE = Reply(Answer.COMPLETED)
GONE = Reply(Answer.COMPLETED, "gone already", final=True)

_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK})


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file of a folder, as it was when the folder was read."""

    name: str
    folder: str
    size: int
    mtime_ns: int
    inode: int

    @property
    def path(self) -> str:
        """The path, built on demand, since a folder may have very many entries."""
        return os.path.join(self.folder, self.name)

    @property
    def arrived(self) -> datetime:
        """The time of its last change, UTC."""
        return datetime.fromtimestamp(self.mtime_ns // 1_000_000_000, UTC)


@contextlib.contextmanager
def told(label: str, path: str) -> Iterator[None]:
    """Turn file system errors into a SourceError that names the source, the cause and the next step."""
    try:
        yield
    except OSError as error:
        raise SourceError(_sentence(label, path, error)) from error


def kept(label: str, path: str, error: OSError) -> Reply:
    """The reply for a mail that could not be disposed of: it stays, with the reason for the administrator."""
    return Reply(Answer.TRANSIENT, _sentence(label, path, error), fault=True)


def _sentence(label: str, path: str, error: OSError) -> str:
    where = to_locator(os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else path)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"{label}: {where} does not exist; correct the service's path, or create it"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{label}: {where} may not be read or written; give the user that runs Trac the right to"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{label}: no space is left for {where}; free some"
    return f"{label}: {where}: {error.strerror or error}; look at that path"


def entry(folder: str, name: str) -> Entry | None:
    """The regular file with this name; None if there is none. Raises OSError."""
    try:
        status = os.lstat(os.path.join(folder, name))
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Entry(name, folder, status.st_size, status.st_mtime_ns, status.st_ino)


def entries(folder: str) -> Iterator[Entry]:
    """The regular files of a folder, in no order. Raises OSError."""
    for name in os.listdir(folder):
        found = entry(folder, name)
        if found is not None:
            yield found


def to_locator(name: str) -> str:
    """A file name as text for a database; names that are not plain UTF-8 are percent-encoded. See `to_name`."""
    raw = os.fsencode(name)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable() and "%" not in text:
        return name if name == text else text  # saves one string for each mail of a listing
    return quote_from_bytes(raw, safe=" /:,=;+@!()[]~'")


def to_name(locator: str) -> str:
    """The file name of a locator."""
    return os.fsdecode(unquote_to_bytes(locator))


def open_regular(path: str, *, writing: bool = False) -> int:
    """Open a regular file, never through a symbolic link or a FIFO. Returns a descriptor. Raises OSError."""
    access = os.O_RDWR if writing else os.O_RDONLY
    descriptor = os.open(path, access | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", path)


def heads(fetched: Iterable[tuple[Listed, Iterator[bytes]]]) -> Iterator[tuple[Listed, bytes]]:
    """The beginnings of messages, each with its header, unless that is longer than a chunk: see `ports.Peeking`."""
    for listed, came in fetched:
        yield listed, next(came, b"")


def chunks(descriptor: int, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Yield `length` bytes from `start` (None: to the end), fewer if the file ends before. Raises OSError."""
    while length is None or length > 0:
        chunk = os.pread(descriptor, CHUNK if length is None else min(CHUNK, length), start)
        if not chunk:
            return
        yield chunk
        start += len(chunk)
        length = None if length is None else length - len(chunk)


def digest(path: str) -> str:
    """The SHA-256 of a file, hex. Raises OSError."""
    descriptor = open_regular(path)
    try:
        known = hashlib.sha256()
        for chunk in chunks(descriptor):
            known.update(chunk)
        return known.hexdigest()
    finally:
        os.close(descriptor)


def move(path: str, folder: str, name: str) -> None:
    """Move a file into a folder without overwriting another.

    A file with this name and the same bytes was left by an interrupted move: then only the source is removed.
    A different file with this name is kept, and ours gets a number. Raises OSError.
    """
    stem, dot, suffix = name.rpartition(".")
    for number in itertools.count():
        wanted = name if not number else f"{stem or suffix}.{number}{dot if stem else ''}{suffix if stem else ''}"
        target = os.path.join(folder, wanted)
        try:
            _place(path, target)
        except FileExistsError:
            if entry(folder, wanted) is None or digest(target) != digest(path):
                continue
        _flush_name(path, target)
        os.unlink(path)
        return


def _flush_name(path: str, target: str) -> None:
    """Flush a copy's name to its disk before the original is removed from another disk. On OSError the copy is removed.

    On one disk the file system keeps the order of renames.
    """
    if os.lstat(path).st_dev == os.lstat(target).st_dev:
        return
    try:
        _flush(os.path.dirname(target))
    except OSError:
        os.unlink(target)
        raise


def _place(path: str, target: str) -> None:
    """Make `target` a link to, or a durable copy of, `path`. Raises FileExistsError if it exists."""
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(path, target)


def _copy(path: str, target: str) -> None:
    """Copy to another file system, under a temporary name until the copy is complete and on disk."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    partial = os.path.join(os.path.dirname(target), f".mailintake-{os.getpid()}.tmp")
    source = open_regular(path)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        # Others may write into that folder: never write through a link that they put there under this name.
        exclusive = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(exclusive, "wb") as copy, open(source, "rb", closefd=False) as original:
            shutil.copyfileobj(original, copy, CHUNK)
            copy.flush()
            os.fsync(copy.fileno())
        os.rename(partial, target)
    finally:
        os.close(source)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)


def make_folder(path: str, mode: int) -> None:
    """Create a target folder and its parents if they are missing, durably. Raises OSError."""
    missing = []
    made = path
    while not os.path.isdir(made):
        missing.append(made)
        made = os.path.dirname(made)
    os.makedirs(path, mode=mode, exist_ok=True)
    for each in missing:
        _flush(os.path.dirname(each))


def _flush(folder: str) -> None:
    """Flush a folder's entries, unless this user may not read it. Raises OSError."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
