"""Searches the journal page by page, however many rows it has.

A page begins where the one before it ended, since OFFSET reads the skipped rows. If an index shows that a filter leaves
few rows, those are read. Otherwise rows are searched in ranges of ids, from the newest or the oldest on, until the page
is full or the time is up: words have no index.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trac_mailintake.intake.model import Status
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.db.transaction import chunks, marks
from trac_mailintake.tracker.lifecycle.states import IN_WORK, SHOWN, among, shown_as

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTCOMES: Final = (*(status.value for status in Status), IN_WORK)

_IN_WORK_TYPED: Final = IN_WORK.replace(" ", "-")
"""The same outcome without a blank, which needs quotes in a shell."""

_FEW: Final = 1_000
"""Up to so many rows of one service, outcome or ticket are all read."""
_STRETCH: Final = 2_000
"""Ids in the first range; the ranges grow as long as they are fast."""
_LONGEST: Final = 64_000
_QUICK: Final = Seconds(0.05)
"""After a range that took less, the next one is twice as large."""

_SENDER: Final = ("sender",)
_WORDS: Final = ("subject", "sender", "reason", "message_id")
"""The columns that `Filter.sender` and `Filter.text` are searched in."""

Found = tuple[Any, ...]
"""A row, its number first."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of the journal; empty fields do not filter. `text` is searched in subject, sender and reason."""

    service: str = ""
    outcome: str = ""
    rule: str = ""
    sender: str = ""
    ticket: int | None = None
    text: str = ""
    locator: str = ""

    def __post_init__(self) -> None:
        if self.outcome.lower() in (IN_WORK, _IN_WORK_TYPED):
            object.__setattr__(self, "outcome", IN_WORK)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The range to search: ids below `before`, the newest first, or above `after`, the oldest first.

    `seconds` is the time limit; None: no limit.
    """

    before: int | None = None
    after: int | None = None
    seconds: Seconds | None = None

    @property
    def upwards(self) -> bool:
        """Whether the oldest comes first."""
        return self.after is not None


def search(
    db: Any,  # noqa: ANN401 - Trac's connection has no type
    columns: str,
    wanted: Filter,
    stretch: Stretch,
    limit: int,
) -> tuple[list[Found], int | None]:
    """At most `limit` rows in the order of `stretch`, and the id where to continue if the time was up, or None.

    The first of `columns` must be the id. Raises SettingError for an outcome that does not exist.
    """
    where, arguments = _where(wanted, db)
    few = _few(db, wanted)
    if few is None:
        return _look(db, columns, (where, arguments), stretch, limit)
    inside = [number for number in few if _inside(number, stretch)]
    query = f"SELECT {columns} FROM mailintake_delivery WHERE id IN"
    rows = [row for some in chunks(inside) for row in db(f"{query} ({marks(some)}){where}", (*some, *arguments))]
    return sorted(rows, reverse=not stretch.upwards, key=lambda row: int(row[0]))[:limit], None


def _look(
    db: Any,  # noqa: ANN401 - as above
    columns: str,
    where: tuple[str, Sequence[object]],
    stretch: Stretch,
    limit: int,
) -> tuple[list[Found], int | None]:
    """Search one range of ids after the other."""
    order = "ASC" if stretch.upwards else "DESC"
    query = f"SELECT {columns} FROM mailintake_delivery WHERE id>=%s AND id<%s{where[0]} ORDER BY id {order} LIMIT %s"
    found: list[Found] = []
    low, high = _ends(db, stretch)
    size = _STRETCH
    start = time.monotonic()
    while low < high and len(found) < limit:
        began = time.monotonic()
        (first, end), (low, high) = _split(low, high, size, upwards=stretch.upwards)
        found += db(query, (first, end, *where[1], limit - len(found)))
        ended = time.monotonic()
        if stretch.seconds is not None and ended - start >= stretch.seconds and low < high and len(found) < limit:
            return found, low - 1 if stretch.upwards else high
        if ended - began < _QUICK:
            size = min(2 * size, _LONGEST)
    return found, None


def _split(low: int, high: int, size: int, *, upwards: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """The next `size` ids of a range, and the rest of it; each with the end after its last id."""
    if upwards:
        place = min(low + size, high)
        return (low, place), (place, high)
    place = max(low, high - size)
    return (place, high), (low, place)


def _ends(db: Any, stretch: Stretch) -> tuple[int, int]:  # noqa: ANN401 - as above
    """The lowest id to search, and the one after the highest."""
    # Two queries: with min and max in one, SQLite reads everything in between.
    low = db("SELECT MIN(id) FROM mailintake_delivery")[0][0] or 0
    high = (db("SELECT MAX(id) FROM mailintake_delivery")[0][0] or 0) + 1
    return max(low, (stretch.after or 0) + 1), high if stretch.before is None else min(high, stretch.before)


def _inside(number: int, stretch: Stretch) -> bool:
    return number > (stretch.after or 0) and (stretch.before is None or number < stretch.before)


def _few(db: Any, wanted: Filter) -> list[int] | None:  # noqa: ANN401 - as above
    """The ids of all rows that one of the filters leaves, if an index shows that they are few; otherwise None."""
    for ways, value, order in (
        (("ticket=%s",), wanted.ticket, "counted"),
        (_of_outcome(wanted.outcome), wanted.outcome, "recorded"),
        (("service=%s",), wanted.service, "recorded"),
    ):
        if value and (numbers := _at_most_few(db, ways, value, order)) is not None:
            return numbers
    return None


def _of_outcome(outcome: str) -> tuple[str, ...]:
    """A condition for each state that is shown as this outcome. PostgreSQL would sort all rows of several states."""
    return tuple(among([state]) for state in sorted(shown_as(outcome), key=lambda each: each.value))


def _at_most_few(db: Any, ways: Sequence[str], value: object, order: str) -> list[int] | None:  # noqa: ANN401 - as above
    found: list[int] = []
    for way in ways:
        arguments = (value,) if "%s" in way else ()
        query = f"SELECT id FROM mailintake_delivery WHERE {way} ORDER BY {order} LIMIT {_FEW + 1}"
        found += [number for (number,) in db(query, arguments)]
    return found if len(found) <= _FEW else None


def _where(wanted: Filter, db: Any) -> tuple[str, tuple[object, ...]]:  # noqa: ANN401 - as above
    """The SQL conditions after those on `id`. Columns are in expressions, so that only the index of `id` is used."""
    if wanted.outcome and wanted.outcome not in OUTCOMES:
        raise SettingError("outcome", wanted.outcome, ", ".join(OUTCOMES))
    equal: dict[str, object] = {
        "COALESCE(service, '')=%s": wanted.service,
        f"{SHOWN}=%s": wanted.outcome,
        "COALESCE(rule, '')=%s": wanted.rule,
        "COALESCE(ticket, 0)=%s": wanted.ticket,
        "locator=%s": wanted.locator,
    }
    terms = [term for term, value in equal.items() if value]
    args = [value for value in equal.values() if value]
    for text, names in ((wanted.sender, _SENDER), (wanted.text, _WORDS)):
        if text:
            terms.append(_contain(db, names))
            args += [f"%{db.like_escape(text)}%"] * len(names)
    return "".join(f" AND {term}" for term in terms), tuple(args)


def _contain(db: Any, names: Sequence[str]) -> str:  # noqa: ANN401 - as above
    """The SQL condition that one of the columns contains its argument."""
    return f"({' OR '.join(f'{name} {db.like()}' for name in names)})"
