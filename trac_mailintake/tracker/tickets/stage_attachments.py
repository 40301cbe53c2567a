"""handle and record: decodes attachments into a staging folder, and links them into place within the transaction.

SIGKILL runs no clean-up, and SQLite reuses the number of a ticket that was never committed. Therefore an intent file,
durable before the first link, names every file that is about to appear. `Staging.sweep` removes files that an intent
names and no row owns.
"""

from __future__ import annotations

import errno
import filecmp
import hashlib
import json
import os
import re
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from trac.attachment import Attachment
from trac.util.datefmt import to_utimestamp

from trac_mailintake.intake.errors import Stale
from trac_mailintake.mail.mime import tnef, transfer_encoding
from trac_mailintake.tracker.private_dir import ROOT, flush_chain, flush_folder, make_folder, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from trac.env import Environment

    from trac_mailintake.mail.message import Message, Part

FOLDER: Final = "staging"
_INTENT: Final = ".intent"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,100}\Z")
_NO_LINKS: Final = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK}
"""Errors of link(2) on another device or a file system without hard links: then the file is copied."""
_FLUSHED: Final[set[str]] = set()
"""Parents of ticket folders that this process has flushed; Trac never removes them."""
_AHEAD: Final = 8 * 1024 * 1024
"""Bytes of a mail's parts to decode before it is known whether they will be attached."""
_AHEAD_OF: Final = "staged"


class Oversized(Exception):  # noqa: N818 - a fact about the attachment
    """The decoded attachment is larger than the limit; `size` is its known size, in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@dataclass(frozen=True, slots=True)
class Staged:
    """One attachment, decoded and durable at `path`. `size` in bytes, `sha256` in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file to attach to the ticket: the staged file and its final `name`."""

    staged: Staged
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Linked:
    """What `link` did within a transaction that is not yet committed.

    `enclosures` have their final names, and are linked at `targets`; `intent` is the file that lists them.
    """

    enclosures: tuple[Enclosure, ...] = ()
    targets: tuple[str, ...] = ()
    intent: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The staged files."""
        return tuple(enclosure.staged.path for enclosure in self.enclosures)


class HasLinked(Protocol):
    """Something written together with its files: `write.Filed`."""

    @property
    def linked(self) -> Linked:
        """The result of `link`."""


class Staging:
    """The staging folder of one worker, below the environment's `files/mailintake/staging/`."""

    def __init__(self, env: Environment, owner: str) -> None:
        self.env = env
        self.owner = owner
        self._folder = ""
        self._ready: dict[Part, Staged] = {}

    def ahead(self, message: Message) -> None:
        """In the parser process: decode what may be attached; the message carries the result.

        Does nothing if the folder does not exist: only the worker creates it, since others remove it if it is dead.
        Raises OSError.
        """
        ready: dict[Part, Staged] = message.once(_AHEAD_OF, dict)
        folder = os.path.join(self.env.files_dir, ROOT, FOLDER, _folder_name(self.owner))
        left = _AHEAD if os.path.isdir(folder) else -1
        for part in message.parts:
            left -= transfer_encoding.about(part)
            if left < 0:
                return
            if not tnef.is_wrapping(part):
                ready[part] = _kept(folder, transfer_encoding.decoded(part), -1)

    def begin(self, message: Message) -> None:
        """Begin a message: drop what was decoded for the last one and not used."""
        unused = [staged.path for staged in self._ready.values()]
        self._ready = message.worked_out.pop(_AHEAD_OF, {})  # type: ignore[assignment]  # what `forked_parser` put there
        _unlink(*unused)

    def stage(self, part: Part, limit: int = -1) -> Staged:
        """Decode a part into the folder and flush it. Raises Oversized above `limit` bytes (-1: no limit), OSError."""
        ready = self._ready.get(part)
        if ready is None or 0 <= limit < ready.size:
            return self.keep(transfer_encoding.decoded(part), limit)
        return self._ready.pop(part)

    def keep(self, chunks: Iterable[bytes], limit: int = -1) -> Staged:
        """Write bytes into the folder and flush them to disk. Raises Oversized, OSError; neither leaves a file."""
        return _kept(self._made(), chunks, limit)

    def commit(self, filed: HasLinked) -> None:
        """Remove the staged copies and the intent, after the transaction has been committed."""
        with suppress(OSError):  # `close` removes the folder
            _unlink(filed.linked.intent, *filed.linked.sources)

    def rollback(self, filed: HasLinked) -> None:
        """After a failed transaction: remove what was linked, and keep the staged copies for another try.

        If only the answer to the commit was lost, the rows exist; then the files that they own stay.
        Raises OSError, and what the database raises; then the intent stays for `close` or `sweep`.
        """
        if filed.linked.intent:
            self._take_back(Path(filed.linked.intent))
            _unlink(filed.linked.intent)

    def discard(self, enclosures: Iterable[Enclosure]) -> None:
        """Remove staged files of a change that will not be filed."""
        _unlink(*(enclosure.staged.path for enclosure in enclosures))

    def close(self) -> None:
        """Remove the folder, with everything that was staged and not filed. Raises as `sweep`."""
        self.sweep(self.owner)
        self._folder = ""

    def sweep(self, owner: str) -> None:
        """Remove what a dead worker linked without a commit, and its folder.

        Call it only if `owner` can no longer commit: its rows were taken over, or its process is gone.
        Raises OSError, and what the database raises.
        """
        folder = os.path.join(self.env.files_dir, ROOT, FOLDER, _folder_name(owner))
        if not os.path.isdir(folder):
            return
        for intent in sorted(Path(folder).glob(f"*{_INTENT}")):
            self._take_back(intent)
        shutil.rmtree(folder)

    def _take_back(self, intent: Path) -> None:
        """Remove files that an intent names and no row owns."""
        for ticket, name, source in _intended(intent):
            _take_back(self.env, ticket, name, os.path.join(intent.parent, source))

    def _made(self) -> str:
        if not self._folder:
            self._folder = private_folder(self.env, FOLDER, _folder_name(self.owner))
        return self._folder


def _kept(folder: str, chunks: Iterable[bytes], limit: int) -> Staged:
    path = os.path.join(folder, uuid.uuid4().hex)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # like Trac's own: the umask decides
    try:
        with os.fdopen(descriptor, "wb") as file:
            size, digest = 0, hashlib.sha256()
            for chunk in measured(chunks, limit):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(path)
        raise
    return Staged(path, size, digest.hexdigest())


def measured(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield the chunks. Raises Oversized if they have more than `limit` bytes together (-1: no limit)."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if 0 <= limit < size:
            raise Oversized(size)
        yield chunk


def link(env: Environment, ticket: int, enclosures: Sequence[Enclosure], when: datetime, author: str) -> Linked:
    """Link the files into place and write their rows, within a transaction, after the ticket's own row.

    Raises Stale if a name was taken meanwhile, and OSError. Then only rows remain, for the rollback.
    """
    if not enclosures:
        return Linked()
    taken = set(names(env, ticket))
    if any(enclosure.name.casefold() in taken for enclosure in enclosures):
        raise Stale(f"Another file of the same name was attached to ticket #{ticket} meanwhile.")
    final = tuple(replace(each, name=free_name(env, ticket, each.name, taken)) for each in enclosures)
    targets = tuple(target(env, ticket, each.name) for each in final)
    linked = Linked(final, targets, _write_intent(ticket, final))
    try:
        _place(linked, env.files_dir)
        _insert(env, ticket, final, when, author)
    except BaseException:
        undo(linked)
        raise
    return linked


def undo(linked: Linked) -> None:
    """Remove what `link` put into place, if it is still the staged file. Harmless if repeated."""
    for source, path in zip(linked.sources, linked.targets, strict=True):
        if _same(source, path):
            _unlink(path)
    _unlink(linked.intent)


def names(env: Environment, ticket: int) -> frozenset[str]:
    """The casefolded names of the ticket's attachments: some databases ignore case."""
    rows = env.db_query("SELECT filename FROM attachment WHERE type='ticket' AND id=%s", (str(ticket),))
    return frozenset(name.casefold() for (name,) in rows)


def free_name(env: Environment, ticket: int | None, name: str, taken: set[str]) -> str:
    """`x.txt`, or else `x.2.txt` and so on, numbered as by Trac; added to `taken` (casefolded).

    A file may exist without a row: an upload that is not committed yet, or what a failed one left behind.
    """
    stem, extension = os.path.splitext(name)
    final, number = name, 1
    while final.casefold() in taken or (ticket is not None and os.path.lexists(target(env, ticket, final))):
        number += 1
        final = f"{stem}.{number}{extension}"
    taken.add(final.casefold())
    return final


def target(env: Environment, ticket: int, name: str) -> str:
    """The path at which Trac stores the attachment `name` of the ticket."""
    path: str = Attachment._get_path(env.attachments_dir, "ticket", str(ticket), name)  # noqa: SLF001 - Trac's only way to say it without a row
    return path


def _place(linked: Linked, top: str) -> None:
    folders = {os.path.dirname(path) for path in linked.targets}
    for folder in folders:
        make_folder(folder)
        flush_chain(top, folder, _FLUSHED)
    for source, path in zip(linked.sources, linked.targets, strict=True):
        try:
            _link_or_copy(source, path)
        except FileExistsError:
            raise Stale(f"The file {path} appeared at this very moment.") from None
    for folder in folders:
        flush_folder(folder)


def _link_or_copy(source: str, path: str) -> None:
    try:
        os.link(source, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with open(source, "rb") as original, open(path, "xb") as copy:
            shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())


def _insert(env: Environment, ticket: int, enclosures: Sequence[Enclosure], when: datetime, author: str) -> None:
    values: list[object] = []
    for place, enclosure in enumerate(enclosures):
        size, description = enclosure.staged.size, enclosure.description
        # One microsecond apart: of several with the same time Trac's history shows only one (ticket/web_ui.py:1745).
        time = to_utimestamp(when) + place
        values += ("ticket", str(ticket), enclosure.name, size, time, description, author)
    rows = ",".join(["(%s,%s,%s,%s,%s,%s,%s)"] * len(enclosures))
    with env.db_transaction as db:
        db(f"INSERT INTO attachment (type, id, filename, size, time, description, author) VALUES {rows}", values)


def _write_intent(ticket: int, enclosures: Sequence[Enclosure]) -> str:
    """Write durably which files are about to appear. Returns the intent's path."""
    folder = os.path.dirname(enclosures[0].staged.path)
    path = os.path.join(folder, uuid.uuid4().hex + _INTENT)
    with open(path, "x", encoding="utf-8") as file:
        file.writelines(
            json.dumps([ticket, each.name, os.path.basename(each.staged.path)]) + "\n" for each in enclosures
        )
        file.flush()
        os.fsync(file.fileno())
    flush_folder(folder)
    return path


def _intended(intent: Path) -> Iterator[tuple[int, str, str]]:
    """The files that an intent lists. A line cut short by a crash is ignored: nothing was linked for it."""
    for line in intent.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            ticket, name, source = json.loads(line)
        except ValueError:
            continue
        yield ticket, name, source


def _take_back(env: Environment, ticket: int, name: str, source: str) -> None:
    rows = env.db_query("SELECT 1 FROM attachment WHERE type='ticket' AND id=%s AND filename=%s", (str(ticket), name))
    path = target(env, ticket, name)
    if not rows and _same(source, path):
        _unlink(path)
        env.log.info("Removed %s: a crash left it before ticket #%s was committed.", path, ticket)


def _same(source: str, path: str) -> bool:
    """Whether `path` is the staged file itself or a copy of it."""
    try:
        if os.path.samefile(source, path):
            return True
        return os.stat(source).st_dev != os.stat(path).st_dev and filecmp.cmp(source, path, shallow=False)
    except OSError:
        return False


def _unlink(*paths: str) -> None:
    for path in filter(None, paths):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue  # already gone


def _folder_name(owner: str) -> str:
    """A worker's name as a folder's name."""
    return owner if _PLAIN.match(owner) else hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()
