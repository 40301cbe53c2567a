"""Compares the archive with the journal: mails that no row has, rows whose bytes are gone, bytes that are damaged.

The two may be of different days: after a backup was restored, or part of a disk was lost. Batches of version 0.1 have
no records. What is in them is known only as far as rows name it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.archive.records import Archived, Gap, damage, walk
from trac_mailintake.tracker.archive.store import owner_of, stored
from trac_mailintake.tracker.db import system_row
from trac_mailintake.tracker.db.transaction import SECOND, chunks, marks, now
from trac_mailintake.tracker.deliveries import archive_rows
from trac_mailintake.tracker.private_dir import ROOT
from trac_mailintake.tracker.workers import alive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trac.env import Environment

_SEEN: Final = "mailintake_archive"
"""The row of Trac's `system` table with what the last look at the archive found, as JSON."""
_STEP: Final = 50
"""Batches whose rows are read together."""


class Known(Enum):
    """What the journal knows of a mail in the archive."""

    ROW = "row"
    """A row names its bytes."""
    ELSEWHERE = "elsewhere"
    """Its row is undecided, so that a run will see to it, or names a copy of it in another batch."""
    LOST = "lost"
    """No row has it."""
    UNSEALED = "unsealed"
    """The process that fetched it died before the bytes were durable. Nobody has disposed of its copy."""


class Worker(Enum):
    """Who wrote a batch."""

    OVER = "over"
    """A process that has ended, or is on another host."""
    ALIVE = "alive"
    """A process that may still be writing it: it is not looked into."""
    DEAD = "dead"
    """A process that died. The next run cleans up after it."""


class Row(NamedTuple):
    """The columns of a delivery that say where its bytes are, and from where it is."""

    id: int
    archive: str
    offset: int
    length: int
    sha256: str
    service: str
    label: str
    locator: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in a batch: known by its record, its row, or both."""

    known: Known
    raw: Slice
    row: Row | None
    archived: Archived | None

    @property
    def service(self) -> str:
        """The service that fetched it."""
        return self.archived.record.service if self.archived else self.row.service if self.row else ""

    @property
    def label(self) -> str:
        """Its mailbox, for people."""
        return self.archived.record.label if self.archived else self.row.label if self.row else ""

    @property
    def locator(self) -> str:
        """Its place in the mailbox."""
        return self.archived.record.locator if self.archived else self.row.locator if self.row else ""

    def damage(self) -> str:
        """What is wrong with its bytes; "" if nothing is, or it was never sealed. Reads all of them."""
        if self.known is Known.UNSEALED:
            return ""
        record = self.archived.record if self.archived else None
        if record and self.row and (record.sha256, record.length) != (self.row.sha256, self.row.length):
            return "the journal's row is about other bytes"
        return damage(self.raw, record.sha256 if record else self.row.sha256 if self.row else "")


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of the archive as the journal names it. `gap`: octets that belong to no mail that is known."""

    name: str
    size: int
    worker: Worker
    mails: tuple[Mail, ...] = ()
    gap: int = 0
    recorded: bool = True
    """Whether it has records. Otherwise only rows tell of its mails."""

    def count(self, *known: Known) -> int:
        """How many of its mails the journal knows so."""
        return sum(each.known in known for each in self.mails)

    def lost(self) -> list[Archived]:
        """Its mails that no row has."""
        return [each.archived for each in self.mails if each.archived is not None and each.known is Known.LOST]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the last look at the archive found: how many mails no row has, and when that was (0: never)."""

    lost: int = 0
    when: Microseconds = Microseconds(0)
    since: str = ""
    """The day of the first of them, or else the one before the look."""


# the batches ---------------------------------------------------------------------------------------------------------


def days(env: Environment) -> Iterator[tuple[date, Path]]:
    """The archive's folders of days, the earliest first; other names are not ours."""
    for folder in sorted((Path(env.files_dir) / ROOT / "archive").glob("[0-9]*/[0-9]*/[0-9]*")):
        year, month, day = folder.parts[-3:]
        try:
            yield date(int(year), int(month), int(day)), folder
        except ValueError:
            continue


def batches(env: Environment, since: date | None = None, service: str = "") -> Iterator[Batch]:
    """The batches of `since` and later, by day, with the mails of one service or of all. Raises OSError."""
    for day, folder in days(env):
        if since is None or day >= since:
            for batch in of_files(env, sorted(folder.glob("*.mails"))):
                mails = tuple(each for each in batch.mails if service in ("", each.service))
                if mails or not service:
                    yield replace(batch, mails=mails)


def of_files(env: Environment, paths: Iterable[Path]) -> Iterator[Batch]:
    """These batches, except those that are removed meanwhile. Raises OSError."""
    for some in chunks(paths, _STEP):
        # First the workers, then the rows: what a worker has recorded when it ends is there then.
        workers = {path: _worker(env, path.name) for path in some}
        rows = _rows(env, [stored(env, str(path)) for path in some])
        for path in some:
            try:
                yield _batch(env, path, workers[path], rows.get(stored(env, str(path)), {}))
            except FileNotFoundError:
                continue


def _worker(env: Environment, name: str) -> Worker:
    owner = owner_of(name)
    living = alive(env, owner) if owner else None  # a file that is not ours
    if living is None:
        return Worker.OVER
    return Worker.ALIVE if living else Worker.DEAD


def _rows(env: Environment, names: Sequence[str]) -> Mapping[str, Mapping[int, Row]]:
    """The rows of these batches, by batch and by the place of their bytes."""
    rows: dict[str, dict[int, Row]] = {}
    columns = "id, archive, archive_offset, archive_length, COALESCE(sha256, ''), COALESCE(service, ''), label, locator"
    query = f"SELECT {columns} FROM mailintake_delivery WHERE archive IN ({marks(names)})"
    for row in map(Row._make, env.db_query(query, names)):
        rows.setdefault(row.archive, {})[row.offset] = row
    return rows


def _batch(env: Environment, path: Path, worker: Worker, rows: Mapping[int, Row]) -> Batch:
    """A batch as it is now. Raises OSError."""
    name, size = stored(env, str(path)), path.stat().st_size
    if worker is Worker.ALIVE:
        return Batch(name, size, worker)
    # A record is before its mail, so a row that names the first octet is of version 0.1.
    walked = [] if 0 in rows else list(walk(str(path)))
    recorded = [each for each in walked if isinstance(each, Archived)]
    gap = sum(each.end - each.offset for each in walked if isinstance(each, Gap))
    mails = (*_recorded(env, recorded, rows), *_of_rows(path, recorded, rows))
    return Batch(name, size, worker, mails, gap, recorded=bool(recorded) or not size)


def _recorded(env: Environment, mails: Sequence[Archived], rows: Mapping[int, Row]) -> list[Mail]:
    """The mails that have a record."""
    unnamed = [each for each in mails if each.offset not in rows and each.record.length is not None]
    with env.db_query as db:
        lost = {each.offset for each in archive_rows.lost(db, unnamed)}
    return [Mail(_known(each, rows, lost), each.raw, rows.get(each.offset), each) for each in mails]


def _of_rows(path: Path, mails: Sequence[Archived], rows: Mapping[int, Row]) -> list[Mail]:
    """The mails that have only a row."""
    left = sorted(rows.keys() - {each.offset for each in mails})
    return [Mail(Known.ROW, Slice(str(path), at, rows[at].length), rows[at], None) for at in left]


def _known(mail: Archived, rows: Mapping[int, Row], lost: set[int]) -> Known:
    if mail.offset in rows:
        return Known.ROW
    if mail.record.length is None:
        return Known.UNSEALED
    return Known.LOST if mail.offset in lost else Known.ELSEWHERE


def missing(env: Environment, since: date | None = None, service: str = "") -> list[tuple[str, int]]:
    """The batches that rows name and that are not there, each with the number of these rows."""
    query = "SELECT archive, COUNT(*) FROM mailintake_delivery WHERE COALESCE(archive, '')<>'' "
    query += "AND service=%s " if service else ""
    rows = env.db_query(f"{query}GROUP BY archive ORDER BY archive", (service,) if service else ())
    return [
        (name, number)
        for name, number in rows
        if not os.path.exists(os.path.join(env.files_dir, ROOT, name)) and (since is None or _day(name) >= since)
    ]


def _day(name: str) -> date:
    """The day of a batch."""
    try:
        return date(*map(int, Path(name).parts[-4:-1]))
    except (ValueError, TypeError):
        return date.max


# the last look -------------------------------------------------------------------------------------------------------


def seen(env: Environment) -> Seen:
    """What the last look found."""
    rows = env.db_query("SELECT value FROM system WHERE name=%s", (_SEEN,))
    try:
        return Seen(**json.loads(rows[0][0])) if rows else Seen()
    except (ValueError, TypeError):
        return Seen()


def look(env: Environment) -> Seen:
    """Look at what is new in the archive since the last look, and at what no row had then. Raises OSError.

    What had rows then has them still: rows that name bytes stay until these are purged. If an older database was put
    back, so was what it knew of its last look.
    """
    since = seen(env).since
    begin = date.fromisoformat(since) if since else None
    return remember(env, batches(env, begin))


def remember(env: Environment, looked: Iterable[Batch]) -> Seen:
    """Store what a look at batches found, which must reach back to the first that may have mail without a row."""
    moment = now()
    lost = 0
    first = datetime.fromtimestamp(moment / SECOND, UTC).date() - timedelta(days=1)
    for batch in looked:
        number = batch.count(Known.LOST)
        if number:
            lost, first = lost + number, min(first, _day(batch.name))
    found = Seen(lost, moment, first.isoformat())
    system_row.write(env, _SEEN, json.dumps(asdict(found)))
    return found
