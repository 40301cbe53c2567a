"""The journal, read: what became of each delivery, by which rule, why. And what an administrator does about held mail.

A row without an outcome is a delivery that is being worked on, or was deferred.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trac_mailintake.intake.model import Status, Step
from trac_mailintake.intake.pipeline import FORWARD_PENDING
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.tracker.archive import found
from trac_mailintake.tracker.database import now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

    from trac_mailintake.mail.spool import Slice

IN_WORK: Final = "in work"
"""What is shown for a delivery that has no outcome and was not deferred."""

OUTCOMES: Final = (*(status.value for status in Status), IN_WORK)

_COLUMNS: Final = (
    "id",
    "service",
    "label",
    "locator",
    "fingerprint",
    "size",
    "arrived",
    "attempts",
    "retry_at",
    "failure",
    "outcome",
    "rule",
    "reason",
    "ticket",
    "comment",
    "author",
    "sender_told",
    "admin_told",
    "recorded",
    "consumed",
    "archive",
    "archive_offset",
    "archive_length",
    "sha256",
    "message_id",
    "subject",
    "sender",
    "sent",
    "trail",
    "removed",
    "purged",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal. Times are microseconds since 1970, UTC, 0 for never."""

    id: int
    service: str
    account: str
    locator: str
    fingerprint: str
    size: int
    arrived: int
    attempts: int
    retry_at: int
    failure: str
    outcome: str
    """One of OUTCOMES."""
    rule: str
    reason: str
    ticket: int | None
    comment: int | None
    author: str
    sender_told: bool
    admin_told: bool
    recorded: int
    consumed: int
    raw: Slice | None
    sha256: str
    message_id: str
    subject: str
    sender: str
    sent: int
    trail: tuple[Step, ...]
    removed: str
    purged: int
    """When the bytes were removed: see `purge`."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows of the journal; what is empty filters nothing. `text` is looked for in subject, sender and reason."""

    service: str = ""
    outcome: str = ""
    rule: str = ""
    sender: str = ""
    ticket: int | None = None
    text: str = ""
    locator: str = ""


class Journal:
    """The journal of one environment."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    # reading

    def entries(self, wanted: Filter | None = None, *, limit: int = 50, offset: int = 0) -> tuple[Entry, ...]:
        """Rows, the newest first. Raises SettingError for an outcome that does not exist."""
        with self._env.db_query as db:
            where, args = _where(wanted or Filter(), db)
            rows = db(
                f"SELECT {', '.join(_COLUMNS)} FROM mailintake_delivery{where} ORDER BY id DESC LIMIT %s OFFSET %s",
                (*args, limit, offset),
            )
        return tuple(self._entry(dict(zip(_COLUMNS, row, strict=True))) for row in rows)

    def count(self, wanted: Filter | None = None) -> int:
        """How many rows `entries` has without a limit. Raises SettingError."""
        with self._env.db_query as db:
            where, args = _where(wanted or Filter(), db)
            return int(db(f"SELECT COUNT(*) FROM mailintake_delivery{where}", args)[0][0])

    def get(self, number: int) -> Entry:
        """The row of one delivery. Raises SettingError."""
        rows = self._env.db_query(
            f"SELECT {', '.join(_COLUMNS)} FROM mailintake_delivery WHERE id=%s",
            (number,),
        )
        if not rows:
            raise SettingError("id", number, "a number that `journal list` shows")
        return self._entry(dict(zip(_COLUMNS, rows[0], strict=True)))

    def raw(self, number: int) -> Slice:
        """Where the bytes of a delivery lie. Raises SettingError when they were never archived."""
        entry = self.get(number)
        if entry.purged:
            raise SettingError("id", number, "a mail that is not older than [mailintake] archive_days: it was purged")
        if entry.raw is None:
            raise SettingError("id", number, "a mail that was archived; of this one only the headers were read")
        return entry.raw

    def counts(self) -> dict[str, dict[str, int]]:
        """How many deliveries of each outcome, by service."""
        rows = self._env.db_query(
            f"SELECT service, {_SHOWN}, COUNT(*) FROM mailintake_delivery GROUP BY service, {_SHOWN}"
        )
        counts: dict[str, dict[str, int]] = {}
        for service, outcome, number in rows:
            counts.setdefault(service, {})[outcome] = number
        return counts

    # held mail

    def held(self, service: str = "") -> tuple[Entry, ...]:
        """All held mail, the newest first."""
        wanted = Filter(service=service, outcome=Status.HELD.value)
        return self.entries(wanted, limit=self.count(wanted))

    def retryable(self, number: int) -> Entry:
        """A held mail that can be decided about once more. Raises SettingError when it cannot."""
        entry = self._held(number)
        self.raw(number)
        if entry.rule == FORWARD_PENDING:
            raise SettingError("id", number, "a mail that does not wait to be forwarded: `queue flush` forwards it")
        return entry

    def discard(self, number: int, who: str) -> None:
        """Throw a held mail away; its bytes stay in the archive for as long as all others do. Raises SettingError."""
        self._held(number)
        with self._env.db_transaction as db:
            cursor = db.cursor()
            cursor.execute(
                """UPDATE mailintake_delivery SET outcome='discarded', rule='administrator', reason=%s, recorded=%s
                   WHERE id=%s AND outcome='held'""",
                (f"Discarded by {who}.", now(), number),
            )
            if cursor.rowcount == 1:
                db("DELETE FROM mailintake_outbox WHERE delivery=%s AND sent=0", (number,))

    def _held(self, number: int) -> Entry:
        entry = self.get(number)
        if entry.outcome != Status.HELD.value:
            raise _not_held(number, entry.outcome)
        return entry

    # inside

    def _entry(self, row: dict[str, object]) -> Entry:
        """Nothing of a row that is still in work is filled in, so every NULL gets its empty value."""
        row["account"] = row.pop("label")
        archive = (row.pop("archive"), row.pop("archive_offset"), row.pop("archive_length"))
        row["raw"] = found(self._env, *archive) if archive[0] else None  # type: ignore[arg-type]  # a row has no types
        row["outcome"] = row["outcome"] or (Status.DEFERRED.value if row["failure"] else IN_WORK)
        row["trail"] = tuple(Step(*step) for step in json.loads(str(row["trail"] or "[]")))
        for name in ("sender_told", "admin_told"):
            row[name] = bool(row[name])
        for name in ("size", "arrived", "attempts", "retry_at", "recorded", "consumed", "sent", "purged"):
            row[name] = row[name] or 0
        for name in ("failure", "rule", "reason", "author", "sha256", "message_id", "subject", "sender", "removed"):
            row[name] = row[name] or ""
        return Entry(**row)  # type: ignore[arg-type]  # columns and fields have the same names and types


_SHOWN: Final = f"COALESCE(outcome, CASE WHEN failure IS NULL THEN '{IN_WORK}' ELSE '{Status.DEFERRED.value}' END)"
"""The outcome as it is shown."""


def _where(wanted: Filter, db: Any) -> tuple[str, tuple[object, ...]]:  # noqa: ANN401 - Trac's connection has no type
    if wanted.outcome and wanted.outcome not in OUTCOMES:
        raise SettingError("outcome", wanted.outcome, ", ".join(OUTCOMES))
    equal: Iterable[tuple[str, object]] = (
        ("service=%s", wanted.service),
        ("outcome=%s" if wanted.outcome in _STORED else f"{_SHOWN}=%s", wanted.outcome),
        ("rule=%s", wanted.rule),
        ("ticket=%s", wanted.ticket),
        ("locator=%s", wanted.locator),
    )
    terms = [term for term, value in equal if value]
    args = [value for _, value in equal if value]
    if wanted.sender:
        terms.append(f"sender {db.like()}")
        args.append(f"%{db.like_escape(wanted.sender)}%")
    if wanted.text:
        names = ("subject", "sender", "reason", "message_id")
        terms.append("(" + " OR ".join(f"{name} {db.like()}" for name in names) + ")")
        args += [f"%{db.like_escape(wanted.text)}%"] * len(names)
    return (" WHERE " + " AND ".join(terms) if terms else ""), tuple(args)


_STORED: Final = frozenset(OUTCOMES) - {Status.DEFERRED.value, IN_WORK}
"""Outcomes that are in the table, so that its index serves."""


def _not_held(number: int, outcome: str) -> SettingError:
    return SettingError("id", number, f"a mail that is held; this one is {outcome}")
