"""Reads the journal (outcome, rule and reason of each delivery), and acts on held mail.

A row that is undecided is shown as in work or deferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.transaction import marks
from trac_mailintake.tracker.journal.search import Filter, Stretch, search
from trac_mailintake.tracker.lifecycle import stored_reasons, transitions
from trac_mailintake.tracker.lifecycle.states import FINAL, SHOWN, UNDECIDED, State, among, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.model import Step
    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.mail.spool import Slice
    from trac_mailintake.mail.wording import Reason

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
    "state",
    "rule",
    "reason",
    "because",
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
_EMPTY: Final[Mapping[str, object]] = {
    **dict.fromkeys(("size", "arrived", "attempts", "retry_at", "recorded", "consumed", "sent", "purged"), 0),
    **dict.fromkeys(
        ("failure", "rule", "reason", "author", "sha256", "message_id", "subject", "sender", "removed"), ""
    ),
}
"""What stands for NULL in the columns that may be NULL."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal. Times are 0 for never."""

    id: int
    service: str
    account: str
    locator: str
    fingerprint: str
    size: int
    arrived: Microseconds
    attempts: int
    retry_at: Microseconds
    failure: str
    outcome: str
    """One of OUTCOMES."""
    rule: str
    reason: str
    because: Reason | None
    """What `reason` is made of; None for the text of a plugin, and of earlier versions."""
    ticket: int | None
    comment: int | None
    author: str
    sender_told: bool
    admin_told: bool
    recorded: Microseconds
    consumed: Microseconds
    raw: Slice | None
    sha256: str
    message_id: str
    subject: str
    sender: str
    sent: Microseconds
    trail: tuple[Step, ...]
    removed: str
    purged: Microseconds
    """When the bytes were removed: see `retention`."""

    @property
    def why(self) -> str:
        """Why it stands as it does; of held mail that failed when it was to be decided again, that failure.

        A failure from before the outcome has led to it, or was overcome.
        """
        again = self.retry_at > self.recorded and self.outcome == Status.HELD.value
        return self.failure if again and self.failure else self.reason or self.failure


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, the newest first, and where the neighbouring pages begin; None if there are none.

    The next page has numbers below `older`, the page before numbers above `newer`.
    `searched` is None if all rows for the page were searched; otherwise the time was up at that number.
    """

    entries: tuple[Entry, ...]
    newer: int | None = None
    older: int | None = None
    searched: int | None = None


class Journal:
    """The journal of one environment."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    # reading

    def entries(self, wanted: Filter | None = None, *, limit: int = 50) -> tuple[Entry, ...]:
        """Rows, the newest first. Raises SettingError for an outcome that does not exist."""
        with self._env.db_query as db:
            rows, _ = search(db, ", ".join(_COLUMNS), wanted or Filter(), Stretch(), limit)
        return tuple(self._entry(row) for row in rows)

    def page(self, wanted: Filter, stretch: Stretch, size: int) -> Page:
        """A page of rows. Raises SettingError for an outcome that does not exist."""
        with self._env.db_query as db:
            rows, stopped = search(db, ", ".join(_COLUMNS), wanted, stretch, size + 1)
        more, rows = len(rows) > size, rows[:size]
        if stretch.upwards:
            rows.reverse()
        entries = tuple(self._entry(row) for row in rows)
        first, last = (entries[0].id, entries[-1].id) if entries else (stretch.after, stretch.before)
        if stretch.upwards:
            return Page(entries, first if more else stopped, last if stretch.after else None, stopped)
        return Page(entries, first if stretch.before is not None else None, last if more else stopped, stopped)

    def names(self) -> tuple[str, ...]:
        """The names of all services in the journal."""
        found: list[str] = []
        with self._env.db_query as db:
            # One index look-up for each: DISTINCT would read the whole index.
            while name := db(
                "SELECT MIN(service) FROM mailintake_delivery WHERE service>%s", (found[-1] if found else "",)
            )[0][0]:
                found.append(name)
        return tuple(found)

    def get(self, number: int) -> Entry:
        """The row of one delivery. Raises SettingError."""
        rows = self._env.db_query(
            f"SELECT {', '.join(_COLUMNS)} FROM mailintake_delivery WHERE id=%s",
            (number,),
        )
        if not rows:
            raise SettingError("id", number, "a number that `journal list` shows")
        return self._entry(rows[0])

    def raw(self, number: int) -> Slice:
        """The place of a delivery's bytes. Raises SettingError if they were never archived."""
        entry = self.get(number)
        if entry.purged:
            raise SettingError("id", number, "a mail that is not older than [mailintake] archive_days: it was purged")
        if entry.raw is None:
            raise SettingError("id", number, "a mail that was archived; of this one only the headers were read")
        return entry.raw

    def counts(self) -> dict[str, dict[str, int]]:
        """How many deliveries of each outcome, by service."""
        counts = self.waiting()
        decided = sorted(state.value for state in FINAL)
        # One pass over the index for each service: GROUP BY would sort all rows first.
        each = ", ".join(["COUNT(CASE WHEN state=%s THEN 1 ELSE NULL END)"] * len(decided))
        for service in self.names():
            sql = f"SELECT {each} FROM mailintake_delivery WHERE service=%s"
            numbers = self._env.db_query(sql, (*decided, service))[0]
            found = {outcome: number for outcome, number in zip(decided, numbers, strict=True) if number}
            if found:
                counts.setdefault(service, {}).update(found)
        return counts

    def waiting(self) -> dict[str, dict[str, int]]:
        """Number of deliveries that are held, deferred or in work, by service, without reading the whole journal."""
        counts: dict[str, dict[str, int]] = {}
        with self._env.db_query as db:
            for some in ({State.HELD}, UNDECIDED):
                # Grouped by an expression: otherwise SQLite reads all rows in the order of the service.
                rows = db(
                    f"SELECT COALESCE(service, ''), {SHOWN}, COUNT(*) FROM mailintake_delivery WHERE {among(some)} "
                    f"GROUP BY COALESCE(service, ''), {SHOWN}"
                )
                for service, shown, number in rows:
                    counts.setdefault(service, {})[shown] = number
        return counts

    # held mail

    def held(self, service: str = "") -> tuple[Entry, ...]:
        """All held mail, the newest first."""
        rows = self._env.db_query(f"SELECT {', '.join(_COLUMNS)} FROM mailintake_delivery WHERE state='held'")
        entries = [self._entry(row) for row in sorted(rows, reverse=True)]
        return tuple(entry for entry in entries if not service or entry.service == service)

    def retryable(self, number: int) -> Entry:
        """A held mail that can be decided again. Raises SettingError if it cannot."""
        entry = self._held(number)
        self.raw(number)
        if entry.rule == reasons.FORWARD_PENDING.slug:
            raise SettingError("id", number, "a mail that does not wait to be forwarded: `queue flush` forwards it")
        return entry

    def ask_again(self, number: int) -> bool:
        """Have a mail that is held without its bytes fetched in the next run of its mailbox.

        Returns False if that cannot help, or there is no such mail.
        """
        where = f"id=%s AND state='held' AND archive IS NULL AND rule IN ({marks([*reasons.ASKED_AGAIN])})"
        with self._env.db_transaction as db:
            found = db(f"SELECT id FROM mailintake_delivery WHERE {where}", (number, *sorted(reasons.ASKED_AGAIN)))
            if found:
                transitions.ask(db, number)
        return bool(found)

    def discard(self, number: int, who: str) -> None:
        """Discard a held mail; its bytes stay in the archive as long as those of other mail. Raises SettingError."""
        self._held(number)
        reason = reasons.ADMINISTRATOR(user=who)
        with self._env.db_transaction as db:
            if transitions.discard(db, number, reason):
                letters.withdraw(db, number)

    def _held(self, number: int) -> Entry:
        entry = self.get(number)
        if entry.outcome != Status.HELD.value:
            raise _not_held(number, entry.outcome)
        return entry

    # inside

    def _entry(self, found_row: Sequence[object]) -> Entry:
        """Convert a row. In a row in work most columns are NULL; each becomes its type's empty value."""
        row: dict[str, object] = dict(zip(_COLUMNS, found_row, strict=True))
        row["account"] = row.pop("label")
        archive = (row.pop("archive"), row.pop("archive_offset"), row.pop("archive_length"))
        row["raw"] = found(self._env, *archive) if archive[0] else None  # type: ignore[arg-type]  # a row has no types
        row["outcome"] = shown(State(row.pop("state")))
        row["trail"] = stored_reasons.steps(row["trail"])  # type: ignore[arg-type]  # a row has no types
        for name in ("sender_told", "admin_told"):
            row[name] = bool(row[name])
        row |= {name: empty for name, empty in _EMPTY.items() if not row[name]}
        row["because"] = stored_reasons.because(row["rule"], row["reason"], row["because"])  # type: ignore[arg-type]  # a row has no types
        return Entry(**row)  # type: ignore[arg-type]  # columns and fields have the same names and types


def _not_held(number: int, outcome: str) -> SettingError:
    return SettingError("id", number, f"a mail that is held; this one is {outcome}")
