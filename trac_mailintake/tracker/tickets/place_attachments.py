"""record: links staged attachments into place within the transaction that writes their rows.

Nobody should wait for folders to be flushed while they hold the database's write lock: people are waiting for it. But
no file may be lost, and none may stay without its row, whenever the process or the power goes. Therefore:

1. Before the transaction the staged files and the file of their *intent*, still empty, are durable.
2. Within it, once all rows are written, the intent names each file that is about to appear, and the row that will own
   it. It is flushed, which is the only flush. Then the files are linked, and the transaction is committed.
3. After it their folders are flushed, and only then the staged files and the intent are removed.

Whatever happens in between, the rows tell which way to go (`settle`): a file whose row is committed is linked again if
it is missing, and one without a row is taken back. SQLite reuses the number of a ticket that was never committed, so a
row is known by its time and size, too.

A file system without hard links (vfat, some network file systems) gets copies. A copy is not known by its inode, so the
intent notes each before it is made, and a copy is taken back only if it begins as the staged file does.
"""

from __future__ import annotations

import errno
import filecmp
import json
import os
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from trac.attachment import Attachment
from trac.util.datefmt import to_utimestamp

from trac_mailintake.intake.errors import Stale
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.spool import CHUNK
from trac_mailintake.tracker.db.transaction import is_sqlite, transaction
from trac_mailintake.tracker.private_dir import flush_chains

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from typing import TextIO

    from trac.env import Environment

    from trac_mailintake.tracker.db.transaction import Connection

INTENT: Final = ".intent"
_NO_LINKS: Final = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
"""Errors of link(2) on another device or a file system without hard links: then the file is copied."""
_FLUSHED: Final[set[str]] = set()
"""Parents of ticket and staging folders that this process has flushed; they are never removed."""


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
class Attached:
    """The rows of a ticket's new attachments, in a transaction that is not yet committed.

    `enclosures` have their final names, `rows` the time and size that their rows are known by.
    """

    ticket: int = 0
    enclosures: tuple[Enclosure, ...] = ()
    times: tuple[Microseconds, ...] = ()


class _Intended(NamedTuple):
    """A line of an intent: a file, where it is staged, and the row that owns it."""

    path: str
    source: str
    ticket: int
    name: str
    mark: list[int]
    """The row's time and size; nothing in an intent of the version before."""
    copied: bool = False
    """Whether the file is a copy, perhaps not a whole one: nobody else had a file there when it was made."""


class Placement:
    """The files of one transaction."""

    def __init__(self, env: Environment, folder: str) -> None:
        """Before the transaction. `folder` has the staged files; "" if there are none. Raises OSError."""
        self._env = env
        self._intent = os.path.join(folder, uuid.uuid4().hex + INTENT) if folder else ""
        if folder:
            with open(self._intent, "x", encoding="utf-8"):
                pass
            flush_chains(env.files_dir, [folder], _FLUSHED)

    def link(self, several: Iterable[Attached]) -> None:
        """Last in the transaction: put all files into place. There is one flush, or none if there are no files.

        Raises Stale if a file of that name has just appeared, and OSError; `settle` takes back what was linked.
        """
        wanted = [each for each in several if each.enclosures]
        if not wanted:
            return
        with open(self._intent, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for each in wanted for line in _lines(each))
            file.flush()
            os.fsync(file.fileno())
            for each in _intended(self._env, Path(self._intent)):
                os.makedirs(os.path.dirname(each.path), exist_ok=True)
                try:
                    _link_or_copy(each, file)
                except FileExistsError:
                    raise Stale(f"The file {each.path} appeared at this very moment.") from None

    def keep(self) -> None:
        """After the commit: make the files durable where they are, then remove the staged ones and the intent.

        Raises OSError, and what the database raises; then all stays for `Staging.sweep`.
        """
        if not self._intent:
            return
        placed = _intended(self._env, Path(self._intent))
        try:
            _flush(self._env, placed, _FLUSHED)
        except OSError:
            settle(self._env, Path(self._intent))  # it is worth another try, if that is not a repetition
        with suppress(OSError):  # the worker's folder is removed at the end
            unlink(self._intent, *(each.source for each in placed))

    def settle(self) -> None:
        """After a failure: as the rows tell, since perhaps only the answer to the commit was lost.

        What is taken back stays staged, for another try. Raises OSError, and what the database raises; then the intent
        stays for `Staging.sweep`.
        """
        if self._intent:
            settle(self._env, Path(self._intent))
            unlink(self._intent)


def attach(env: Environment, ticket: int, enclosures: Sequence[Enclosure], when: datetime, author: str) -> Attached:
    """Write the rows of attachments, within a transaction, after the ticket's own row.

    `Placement.link` puts the files into place. Raises Stale if a name was taken meanwhile.
    """
    if not enclosures:
        return Attached()
    taken = set(names(env, ticket))
    if any(enclosure.name.casefold() in taken for enclosure in enclosures):
        raise Stale(f"Another file of the same name was attached to ticket #{ticket} meanwhile.")
    final = tuple(replace(each, name=free_name(env, ticket, each.name, taken)) for each in enclosures)
    # One microsecond apart: of several with the same time Trac's history shows only one (ticket/web_ui.py:1745).
    times = tuple(Microseconds(to_utimestamp(when) + place) for place in range(len(final)))
    values: list[object] = []
    for each, time in zip(final, times, strict=True):
        values += ("ticket", str(ticket), each.name, each.staged.size, time, each.description, author)
    rows = ",".join(["(%s,%s,%s,%s,%s,%s,%s)"] * len(final))
    with env.db_transaction as db:
        db(f"INSERT INTO attachment (type, id, filename, size, time, description, author) VALUES {rows}", values)
    return Attached(ticket, final, times)


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


def settle(env: Environment, intent: Path) -> None:
    """Finish what was committed, and take back what was not. Harmless if repeated.

    Raises OSError, and what the database raises.
    """
    intended = _intended(env, intent)
    if not intended:
        return
    with transaction(env) as db:
        owned = [each for each in intended if _settle(env, each, _rows(env, db, each))]
    if owned:
        _renew_folders(env, owned)
        _flush(env, owned, set())


def _rows(env: Environment, db: Connection, each: _Intended) -> list[list[int]]:
    """Time and size of the attachments of that name: at most one. It is locked, so that nobody deletes it meanwhile."""
    sql = "SELECT time, size FROM attachment WHERE type='ticket' AND id=%s AND filename=%s"
    return list(map(list, db(sql if is_sqlite(env) else f"{sql} FOR UPDATE", (str(each.ticket), each.name))))


def _settle(env: Environment, each: _Intended, rows: list[list[int]]) -> bool:
    """Put a file into place, or take it back. Returns whether it is in place."""
    if each.mark in rows or (rows and not each.mark):
        _place_again(env, each)
        return os.path.exists(each.path)
    if not rows and (_begins_as(each.source, each.path) if each.copied else _same(each.source, each.path)):
        unlink(each.path)
        env.log.info("Removed %s: a crash left it before ticket #%s was committed.", each.path, each.ticket)
    return False


def _place_again(env: Environment, each: _Intended) -> None:
    """Put a file into place, unless it is there: a power cut undoes links, and cuts copies short."""
    if _same(each.source, each.path):
        return
    if os.path.exists(each.source):
        os.makedirs(os.path.dirname(each.path), exist_ok=True)
        unlink(each.path)
        _link_or_copy(each)
        env.log.info(
            "Put %s into place again: a crash undid that after ticket #%s was committed.", each.path, each.ticket
        )
    elif not os.path.exists(each.path):  # the staged file goes only when this one is durable
        env.log.error("The attachment %s of ticket #%s is lost.", each.name, each.ticket)


def _renew_folders(env: Environment, placed: Iterable[_Intended]) -> None:
    """Change something in each folder, so that the next flush writes it: after one that failed the system would not."""
    for folder in _folders(env, placed):
        path = os.path.join(folder, f".{uuid.uuid4().hex}")
        os.mkdir(path)
        os.rmdir(path)


def _folders(env: Environment, placed: Iterable[_Intended]) -> set[str]:
    """The folders of these files, with all above up to that of the environment's files."""
    found = set()
    for each in placed:
        folder = os.path.dirname(each.path)
        while folder not in found:
            found.add(folder)
            if folder in (env.files_dir, os.path.dirname(folder)):
                break
            folder = os.path.dirname(folder)
    return found


def _flush(env: Environment, placed: Iterable[_Intended], known: set[str]) -> None:
    """Make files durable where they are. Raises OSError."""
    for each in placed:
        if not _is_linked(each):
            _flush_file(each.path)
    flush_chains(env.files_dir, (os.path.dirname(each.path) for each in placed), known)


def _is_linked(each: _Intended) -> bool:
    """Whether it is the staged file itself, which was durable before, or is gone."""
    try:
        return os.path.samefile(each.source, each.path)
    except FileNotFoundError:
        return True


def _flush_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link_or_copy(each: _Intended, intent: TextIO | None = None) -> None:
    """Put a file into place. A copy is flushed later. It is noted in the intent, if given, before it appears.

    Raises FileExistsError, after which the file is not noted as ours, and OSError.
    """
    try:
        os.link(each.source, each.path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    else:
        return
    _note(intent, each, copied=True)
    try:
        copy = open(each.path, "xb")  # noqa: SIM115 - only this may find that another file is there
    except FileExistsError:
        _note(intent, each, copied=False)
        raise
    with copy, open(each.source, "rb") as original:
        shutil.copyfileobj(original, copy)


def _note(intent: TextIO | None, each: _Intended, *, copied: bool) -> None:
    """Note it where a killed process leaves it. A power cut may take the note, but leaves nobody who uploads."""
    if intent is not None:
        intent.write(json.dumps((os.path.basename(each.source), copied)) + "\n")
        intent.flush()


def _lines(each: Attached) -> Iterator[tuple[object, ...]]:
    for enclosure, time in zip(each.enclosures, each.times, strict=True):
        staged = enclosure.staged
        yield each.ticket, enclosure.name, os.path.basename(staged.path), time, staged.size


def _intended(env: Environment, intent: Path) -> list[_Intended]:
    """The files that an intent lists. A line cut short by a crash is ignored: nothing was linked for it."""
    found: dict[str, _Intended] = {}
    for line in intent.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            match json.loads(line):
                case [str(source), bool(copied)]:
                    found[source] = found[source]._replace(copied=copied)
                case [int(ticket), str(name), str(source), *mark]:
                    path = os.path.join(intent.parent, source)
                    found[source] = _Intended(target(env, ticket, name), path, ticket, name, mark)
        except (ValueError, KeyError):
            continue
    return list(found.values())


def _same(source: str, path: str) -> bool:
    """Whether `path` is the staged file itself or a whole copy of it on another device."""
    try:
        if os.path.samefile(source, path):
            return True
        return os.stat(source).st_dev != os.stat(path).st_dev and filecmp.cmp(source, path, shallow=False)
    except OSError:
        return False


def _begins_as(source: str, path: str) -> bool:
    """Whether `path` has the bytes of the staged file, or the first of them: a copy may have been cut short."""
    try:
        with open(source, "rb") as original, open(path, "rb") as copy:
            while chunk := copy.read(CHUNK):
                if original.read(len(chunk)) != chunk:
                    return False
    except OSError:
        return False
    return True


def unlink(*paths: str) -> None:
    """Remove files; those that are gone already do not matter. Raises OSError."""
    for path in filter(None, paths):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
