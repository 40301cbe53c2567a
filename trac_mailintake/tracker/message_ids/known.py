"""route: looks up a mail's Message-IDs, its own and those that it refers to, with one query.

This tells whether it is a duplicate, whether it is our own mail, and which ticket it answers. With a remote database
each query costs a round trip.

A Message-ID is not unique: broken senders reuse it, attackers can copy it. So only the row of the same mail is read,
and the first and the newest rows of each id, however many there are.
"""

from __future__ import annotations

import time
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.db.transaction import CHUNK, by_index, chunks, key, marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.mail.message import Message


CROWD: Final = 50
"""Rows read beyond the number of ids; if there are as many, the deciding rows are queried one by one."""
FIRST: Final = 10
"""Rows of an id that are read then, of the first and of the newest each, so that nobody can crowd out the first."""
_AT_ONCE: Final = 50
"""Ids in one query then: SQLite allows 500 terms in a compound SELECT."""
FRESH: Final = Seconds(1.0)
"""The time for which prefetched ids count. What others file meanwhile is noticed when a mail is recorded, and then
it is decided again."""


class Known(NamedTuple):
    """A row of `mailintake_message_id`; `ticket` is None for mail that is in no ticket."""

    id: int
    hash: str
    copy: str | None
    delivery: int | None
    ticket: int | None
    outgoing: int
    recorded: Microseconds | None
    content: str | None = None


_NAMES: Final = ", ".join(Known._fields)
_SELECT: Final = f"SELECT {_NAMES} FROM mailintake_message_id"
_ENDS: Final = " UNION ".join(
    f"SELECT {_NAMES} FROM ({_SELECT} WHERE hash=%s {end}) one"
    for end in (f"ORDER BY id LIMIT {FIRST}", "ORDER BY id DESC LIMIT 1")
)
"""The first and the newest rows of one id, which is its argument twice."""


class Recall:
    """Looks up the ids of one environment, with a cache for the present mail."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._in_order = by_index(env, "hash")
        self._asked: frozenset[str] = frozenset()
        self._rows: list[Known] = []
        self._coming: list[frozenset[str]] = []
        self._foreseen: frozenset[str] = frozenset()
        self._foreseen_rows: list[Known] = []
        self._foreseen_at = 0.0
        self._crowded: set[str] = set()

    def crowded(self, hashed: str) -> bool:
        """Whether more mails have this id than were read."""
        return hashed in self._crowded

    def foresee(self, messages: Iterable[Message]) -> None:
        """Announce the next mails: their ids are looked up with one query when the first is handled."""
        self._coming = [_hashes(each) for each in messages if each.message_id]

    def changed(self) -> None:
        """Drop what was prefetched, because mail was filed or sent."""
        self._foreseen = frozenset()

    def begin(self, message: Message, *copies: str) -> list[Known]:
        """Look up the ids of a mail, the oldest rows first; `copies` are the keys of the mail itself (`copies.py`).

        If many mails have an id: only the first of them, the newest, and those with the keys.
        """
        hashes = _hashes(message) if message.message_id else _hashes(message).union(copies)
        self._asked = frozenset()
        rows = self._of_one_to_come(hashes)
        self._rows = self._found(hashes, copies) if rows is None else rows
        self._asked = hashes
        return self._rows

    def _of_one_to_come(self, hashes: frozenset[str]) -> list[Known] | None:
        """The prefetched rows of this mail; None if it was not announced, or if many mails have its id."""
        if hashes not in self._coming:
            return None
        del self._coming[: self._coming.index(hashes)]
        if not hashes <= self._foreseen or time.monotonic() - self._foreseen_at > FRESH:
            some = sorted(self._next_ones())
            most = len(some) + CROWD
            self._foreseen_rows = self._rows_where(f"hash IN ({marks(some)}) {self._in_order} LIMIT {most}", some)
            self._foreseen, self._foreseen_at = frozenset(some), time.monotonic()
            if len(self._foreseen_rows) == most or not hashes <= self._foreseen:
                self._coming, self._foreseen = [], frozenset()
                return None
        return sorted((row for row in self._foreseen_rows if row.hash in hashes), key=attrgetter("id"))

    def _next_ones(self) -> set[str]:
        """The ids of as many announced mails as fit into one query, but of one at least."""
        union: set[str] = set(self._coming[0])
        for each in self._coming:
            if len(union | each) > CHUNK:
                break
            union |= each
        return set(sorted(union)[:CHUNK])

    def known(self, hashes: Iterable[str]) -> list[Known]:
        """The rows of these ids (SHA-256), the oldest first."""
        wanted = set(hashes)
        if wanted <= self._asked:
            return [row for row in self._rows if row.hash in wanted]
        return self._found(wanted)

    def _found(self, hashes: Iterable[str], copies: Sequence[str] = ()) -> list[Known]:
        found: set[Known] = set()
        for some in chunks(sorted(hashes)):
            most = len(some) + CROWD
            rows = self._rows_where(f"hash IN ({marks(some)}) {self._in_order} LIMIT {most}", some)
            found.update(rows if len(rows) < most else self._deciding(some, copies))
        return sorted(found, key=attrgetter("id"))

    def _deciding(self, hashes: Sequence[str], copies: Sequence[str]) -> set[Known]:
        """The first and the newest rows of each id, and the rows of the mail itself, each found by an index."""
        rows: set[Known] = set()
        for some in chunks(hashes, _AT_ONCE):
            sql = " UNION ".join([_ENDS] * len(some))
            rows.update(self._read(sql, [each for hashed in some for each in (hashed, hashed)]))
        self._crowded.update(each for each, number in Counter(row.hash for row in rows).items() if number > FIRST)
        return rows.union(self._rows_where(f"copy IN ({marks(copies)})", copies)) if copies else rows

    def _rows_where(self, condition: str, arguments: Sequence[object]) -> list[Known]:
        return self._read(f"{_SELECT} WHERE {condition}", arguments)

    def _read(self, sql: str, arguments: Sequence[object]) -> list[Known]:
        return [Known(*row) for row in self._env.db_query(sql, arguments)]


def _hashes(message: Message) -> frozenset[str]:
    """The hashes of a mail's ids and of those that it refers to."""
    return frozenset(key(each) for each in (message.message_id, *message.in_reply_to, *message.references) if each)
