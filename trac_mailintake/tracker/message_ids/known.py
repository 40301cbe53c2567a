"""recall: what is known of a mail's Message-IDs, its own and those that it refers to, asked for in one query.

Whether it is a copy, whether it is our own mail, and which ticket it answers: all three are asked of one mail after the
other, and on a database at the end of a line each question costs a journey.

Some machines give each of their mails the same id, and anybody may. Then the row of the very same mail is read, and of
each id the first ones and the newest: no others, however many there are.
"""

from __future__ import annotations

import time
from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from trac_mailintake.tracker.db.transaction import CHUNK, by_index, chunks, key, marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trac.env import Environment

    from trac_mailintake.mail.message import Message


CROWD: Final = 50
"""So many more rows than ids are read; when there are as many, those that decide are asked for one by one."""
FIRST: Final = 10
"""So many rows of an id are read then, the first ones and the newest: what came first is not outnumbered by others."""
_AT_ONCE: Final = 50
"""So many ids are asked for then in one query: SQLite takes 500 that are joined."""
FRESH: Final = 1.0
"""Seconds for which it counts what is known of mails that are still to come. What others filed meanwhile is noticed
when a mail is recorded: then it is decided about anew."""


class Known(NamedTuple):
    """A row of `mailintake_message_id`; `ticket` is None for mail that was filed nowhere."""

    id: int
    hash: str
    copy: str | None
    delivery: int | None
    ticket: int | None
    outgoing: int
    recorded: int | None


_NAMES: Final = ", ".join(Known._fields)
_SELECT: Final = f"SELECT {_NAMES} FROM mailintake_message_id"


class Recall:
    """The ids of one environment. It remembers what it was asked of the mail in hand, until it is asked of the next."""

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
        """Whether more mails have this id than were looked at."""
        return hashed in self._crowded

    def foresee(self, messages: Iterable[Message]) -> None:
        """These come next: what is known of their ids is asked for in one query, once the first one is in hand."""
        self._coming = [_hashes(each) for each in messages if each.message_id]

    def changed(self) -> None:
        """Something was filed, or sent: whatever is known of the mails to come is to be asked anew."""
        self._foreseen = frozenset()

    def begin(self, message: Message, copy: str) -> list[Known]:
        """What is known of the ids of a mail, asked anew; `copy` is the key of the mail itself. Oldest first.

        Of an id that many mails have: the first of them, the newest, and the mail itself.
        """
        hashes = _hashes(message) if message.message_id else _hashes(message) | {copy}
        self._asked = frozenset()
        rows = self._of_one_to_come(hashes)
        self._rows = self._found(hashes, copy) if rows is None else rows
        self._asked = hashes
        return self._rows

    def _of_one_to_come(self, hashes: frozenset[str]) -> list[Known] | None:
        """What was asked for with those of other mails; None when this mail was not foreseen, or is one of a crowd."""
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
        """As many of the mails to come as one query takes, and one at least."""
        union: set[str] = set(self._coming[0])
        for each in self._coming:
            if len(union | each) > CHUNK:
                break
            union |= each
        return set(sorted(union)[:CHUNK])

    def known(self, hashes: Iterable[str]) -> list[Known]:
        """What is known of these, the SHA-256 of ids. Oldest first."""
        wanted = set(hashes)
        if wanted <= self._asked:
            return [row for row in self._rows if row.hash in wanted]
        return self._found(wanted)

    def _found(self, hashes: Iterable[str], copy: str | None = None) -> list[Known]:
        found: set[Known] = set()
        for some in chunks(sorted(hashes)):
            most = len(some) + CROWD
            rows = self._rows_where(f"hash IN ({marks(some)}) {self._in_order} LIMIT {most}", some)
            found.update(rows if len(rows) < most else self._deciding(some, copy))
        return sorted(found, key=attrgetter("id"))

    def _deciding(self, hashes: Sequence[str], copy: str | None) -> set[Known]:
        """The first rows of each id and the newest, and that of the mail itself, each found by an index."""
        rows: set[Known] = set()
        for some in chunks(hashes, _AT_ONCE):
            ends = (f"ORDER BY id LIMIT {FIRST}", "ORDER BY id DESC LIMIT 1")
            of_one = [f"{_SELECT} WHERE hash=%s {end}" for end in ends]
            sql = " UNION ".join(f"SELECT {_NAMES} FROM ({each}) one" for _ in some for each in of_one)
            rows.update(self._read(sql, [each for each in some for _ in ends]))
        self._crowded.update(each for each, number in Counter(row.hash for row in rows).items() if number > FIRST)
        return rows if copy is None else rows.union(self._rows_where("copy=%s", (copy,)))

    def _rows_where(self, condition: str, arguments: Sequence[object]) -> list[Known]:
        return self._read(f"{_SELECT} WHERE {condition}", arguments)

    def _read(self, sql: str, arguments: Sequence[object]) -> list[Known]:
        return [Known(*row) for row in self._env.db_query(sql, arguments)]


def _hashes(message: Message) -> frozenset[str]:
    """Of the ids of a mail, and of those that it refers to."""
    return frozenset(key(each) for each in (message.message_id, *message.in_reply_to, *message.references) if each)
