"""What a stranger sees when all is over: Trac's own tables, the files, the journal as it is printed."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any, Self

from tests.servers.tracenv import SQLITE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

Row = tuple[Any, ...]

_PATIENCE = 30.0


def query(trac: TracEnv, sql: str) -> list[Row]:
    """The rows of a SELECT, by a connection of our own that is closed at once: we fork."""
    if trac.database == SQLITE:
        with closing(sqlite3.connect(trac.path / "db" / "trac.db", timeout=_PATIENCE)) as connection:
            return connection.execute(sql).fetchall()
    return _from_postgres(trac.database, sql)


def _from_postgres(database: str, sql: str) -> list[Row]:
    import psycopg2  # noqa: PLC0415 - not everybody has it

    address, _, schema = database.partition("?schema=")
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with closing(psycopg2.connect(address.replace("postgres://", "postgresql://"))) as connection:
                cursor = connection.cursor()
                cursor.execute(f"SET search_path TO {schema}")
                cursor.execute(sql)
                return list(cursor.fetchall())
        except psycopg2.OperationalError:
            # It is recovering from the death of one of its processes.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Place:
    """A text in a ticket. `comment` is None for its summary and description."""

    ticket: int
    comment: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment of a ticket. `whole` is whether there is a file of the size that its row says."""

    ticket: int
    name: str
    whole: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class Tickets:
    """The summary of each ticket, all texts and attachments, and the files that belong to none of them."""

    summaries: dict[int, str]
    places: list[Place]
    attached: list[Attached]
    strays: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, trac: TracEnv) -> Self:
        """As they are now."""
        summaries = query(trac, "SELECT id, summary, description FROM ticket ORDER BY id")
        comments = query(
            trac, "SELECT ticket, oldvalue, newvalue FROM ticket_change WHERE field='comment' ORDER BY ticket, time"
        )
        places = [Place(int(ticket), None, text or "") for ticket, _, text in summaries]
        places += [Place(int(t), (number or "").rpartition(".")[2], text or "") for t, number, text in comments]
        folder = trac.path / "files" / "attachments"
        files = set(_files(folder))
        attached = []
        for realm, ticket, name, size in query(trac, "SELECT type, id, filename, size FROM attachment ORDER BY id"):
            path = folder / realm / _hash(ticket)[:3] / _hash(ticket) / (_hash(name) + _extension(name))
            content = path.read_bytes() if path in files else None
            right = content is not None and len(content) == int(size)
            attached.append(Attached(int(ticket), name, right, hashlib.sha256(content or b"").hexdigest()))
            files.discard(path)
        strays = sorted(str(path.relative_to(folder)) for path in files)
        return cls({int(ticket): summary or "" for ticket, summary, _ in summaries}, places, attached, strays)


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - what Trac does (trac/attachment.py)


def _extension(name: str) -> str:
    """As in `Attachment._get_hashed_filename` (trac/attachment.py)."""
    found = re.search(r"\.[A-Za-z0-9]+\Z", name)
    return found[0] if found else ""


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the journal as it is printed, and the SHA-256 of the bytes that it names in the archive."""

    number: int
    service: str
    outcome: str
    rule: str
    reason: str
    ticket: int
    comment: str | None
    disposed: bool
    file: str
    sha256: str
    said_sha256: str


def entries(printed: str) -> list[Entry]:
    """The entries of `journal list --json`, the oldest first."""
    made = []
    for row in json.loads(printed):
        raw = row["raw"] or {}
        content = b""
        if raw.get("path"):
            with open(raw["path"], "rb") as file:
                file.seek(raw["offset"])
                content = file.read(raw["length"])
        comment = None if row["comment"] is None else str(row["comment"])
        made.append(
            Entry(
                *(row["id"], row["service"], str(row["outcome"]), row["rule"], row["reason"]),
                *(row["ticket"] or 0, comment, bool(row["consumed"])),
                *(raw.get("path") or "", hashlib.sha256(content).hexdigest(), row["sha256"]),
            )
        )
    return sorted(made, key=lambda entry: entry.number)


def leftovers(trac: TracEnv, named: set[str]) -> list[str]:
    """Files of intake's that should not be there: all but the archive's files that the journal names."""
    base = trac.path / "files" / "mailintake"
    found = []
    for path in sorted(_files(base)):
        part = path.relative_to(base).parts[0]
        if part in {"staging", "workers"} or (part == "archive" and str(path) not in named):
            found.append(f"{path.relative_to(base)} ({path.stat().st_size} bytes)")
    return found


def notified(sent: list[tuple[list[str], bytes]], watcher: str) -> list[tuple[str, str]]:
    """Subject and text of each mail to the watcher."""
    made = []
    for recipients, content in sent:
        if watcher in recipients:
            message = message_from_bytes(content, policy=policy.default)
            body = message.get_body(("plain",))
            made.append((str(message["Subject"]), body.get_content() if body else ""))
    return made
