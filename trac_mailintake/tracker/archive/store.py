"""fetch: the raw bytes of every delivery, by date. The archive is the spool, so a message is written only once.

A batch is one file, `archive/YYYY/MM/DD/OWNER-N.mails`: a record before each message (see `records`), and one flush for
all. The journal's row has the slice of each message.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.intake.ports import TooLarge
from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.archive import leftovers
from trac_mailintake.tracker.archive.records import LATE, Record, late
from trac_mailintake.tracker.file_owner import denied
from trac_mailintake.tracker.private_dir import ROOT, create, flush_chain, flush_folder, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.tracker.workers import Worker

BUSY: Final = "Another process is refiling or purging the archive at the moment. Try again when it has ended."

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up", errno.EROFS: "it is read-only"}


class FileArchive:
    """The archive of one environment, written by one worker."""

    def __init__(self, env: Environment, worker: Worker) -> None:
        """Creates nothing before the first mail."""
        self._env = env
        self._worker = worker
        self._batches = 0
        self._folder = ""

    def begin(self, ids: Sequence[int]) -> Batch:
        """Begin a batch, noted with the worker so that it is removed if the worker dies before a row refers to it."""
        now = datetime.now(UTC)
        day = ("archive", f"{now:%Y}", f"{now:%m}", f"{now:%d}")
        self._batches += 1
        name = f"{self._worker.owner}-{self._batches}.mails"
        with _told(os.path.join(*day), self._env.path):
            folder = private_folder(self._env, *day)
            if folder != self._folder:
                flush_chain(self._env.files_dir, folder, set())
                self._folder = folder
            self._worker.note(leftovers.note(os.path.join(*day, name), ids))
            return Batch(folder, name)


class Batch:
    """Messages that are archived together."""

    def __init__(self, folder: str, name: str) -> None:
        """Make the file `name` in `folder`."""
        self._folder = folder
        self._name = name
        self._path = os.path.join(folder, name)
        self._file: BinaryIO = os.fdopen(create(self._path, os.O_WRONLY | os.O_EXCL), "wb")
        self._end = 0
        self._late: list[tuple[int, bytes]] = []
        """What is to be written back into the record of each message, with its place in the file."""

    def append(self, delivery: Delivery, chunks: Iterable[bytes], limit: int | None = None) -> tuple[Slice, str]:
        """Write the message of a claimed delivery. Returns its slice and its SHA-256 (hex).

        Raises TooLarge above `limit` bytes, TemporaryFailure if the disk refuses, and whatever `chunks` raises.
        In all these cases nothing of the message is kept.
        """
        digest = hashlib.sha256()
        head = Record.of(delivery).written(self._name)
        start = self._end + len(head)
        length = 0
        whole = False
        try:
            with _told(self._path):
                self._file.write(head)
            for chunk in chunks:
                length += len(chunk)
                if limit is not None and length > limit:
                    message = f"larger than the archive's limit of {limit} bytes"
                    raise TooLarge(message)
                digest.update(chunk)
                with _told(self._path):
                    self._file.write(chunk)
            whole = True
        finally:
            if not whole:
                with _told(self._path):
                    self._file.seek(self._end)
                    self._file.truncate()
        sha256 = digest.hexdigest()
        self._late.append((self._end + LATE, late(head, length, sha256)))
        self._end = start + length
        return Slice(self._path, start, length), sha256

    def flush(self) -> None:
        """Make what was written readable from its slice, though perhaps not yet on disk. Raises TemporaryFailure."""
        with _told(self._path):
            self._file.flush()

    def seal(self) -> None:
        """Flush the file and its folder to disk; an empty batch leaves no file. Raises TemporaryFailure.

        A batch that could not be flushed is removed. A later flush may succeed without having written what the first
        one lost (fsync(2), EIO), so whoever cleans up must find no sealed mail.
        """
        with _told(self._path), self._file:
            try:
                self._make_durable()
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._file.fileno(), 0)
                with suppress(OSError):
                    os.unlink(self._path)
                raise

    def _make_durable(self) -> None:
        self._file.flush()
        descriptor = self._file.fileno()
        for place, end in self._late:
            if os.pwrite(descriptor, end, place) < len(end):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
        if not self._late:
            os.unlink(self._path)
        flush_folder(self._folder)


@contextmanager
def alone(env: Environment) -> Iterator[bool]:
    """Take the lock of whoever refiles or purges; yields whether it was free. Raises OSError.

    Two refilings at once would enter the same mail twice, and a purge removes files that a refiling is about to enter.
    """
    with os.fdopen(create(os.path.join(private_folder(env), "archive.lock"), os.O_WRONLY | os.O_APPEND), "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _told(path: str, environment: str = "") -> Iterator[None]:
    """Raise TemporaryFailure with a clear reason if the archive cannot be written."""
    try:
        yield
    except PermissionError as error:
        message = denied(environment or os.path.dirname(path), error.filename or path)
        raise TemporaryFailure(message) from error
    except OSError as error:
        cause = _FULL.get(error.errno or 0, error.strerror or str(error))
        message = f"The archive cannot be written ({path}): {cause}. Mail stays in its mailbox until it can."
        raise TemporaryFailure(message) from error


def stored(env: Environment, path: str) -> str:
    """The path of a batch as the journal keeps it: relative to the environment's folder of intake."""
    return os.path.relpath(path, os.path.join(env.files_dir, ROOT))


def found(env: Environment, archive: str, offset: int, length: int) -> Slice:
    """The slice that a row of the journal names."""
    return Slice(os.path.join(env.files_dir, ROOT, archive), offset, length)


def there(env: Environment, archive: str, end: int) -> bool:
    """Whether a batch has bytes up to `end`: it may have been lost since it was sealed."""
    try:
        return os.stat(found(env, archive, 0, 0).path).st_size >= end
    except FileNotFoundError:
        return False


def batches_of(env: Environment, owner: str) -> Iterator[str]:
    """All batches of a worker. It reads the whole tree of days, so ask only for a worker whose notes are lost."""
    root = Path(env.files_dir) / ROOT
    for path in sorted(root.glob(f"archive/*/*/*/{owner}-*.mails")):
        yield str(path.relative_to(root))


def owner_of(archive: str) -> str:
    """The worker that wrote a batch."""
    return os.path.basename(archive).rpartition("-")[0]


def flush(path: str) -> None:
    """Flush a batch that another worker wrote, and its folder, to disk. Raises OSError."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    flush_folder(os.path.dirname(path))


def remove(env: Environment, archive: str) -> None:
    """Remove a batch that no row refers to; it is not an error if it is gone. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(env.files_dir, ROOT, archive))
