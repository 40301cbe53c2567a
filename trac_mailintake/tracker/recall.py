"""recall: what is known of a mail's Message-IDs, its own and those that it refers to, asked for in one query.

Whether it is a copy, whether it is our own mail, and which ticket it answers: all three are asked of one mail after the
other, and on a database at the end of a line each question costs a journey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trac_mailintake.tracker.database import chunks, key, marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

    from trac_mailintake.mail.message import Message


class Known(NamedTuple):
    """A row of `mailintake_message_id`; `ticket` is None for mail that was filed nowhere."""

    hash: str
    copy: str | None
    delivery: int | None
    ticket: int | None
    outgoing: int


class Recall:
    """The ids of one environment. It remembers what it was asked of the mail in hand, until it is asked of the next."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._asked: frozenset[str] = frozenset()
        self._rows: list[Known] = []

    def begin(self, message: Message, copy: str) -> list[Known]:
        """What is known of the ids of a mail, asked anew; `copy` is the key of the mail itself. Oldest first."""
        ids = (message.message_id, *message.in_reply_to, *message.references)
        hashes = {key(each) for each in ids if each} | (set() if message.message_id else {copy})
        self._asked, self._rows = frozenset(), self._found(hashes)
        self._asked = frozenset(hashes)
        return self._rows

    def known(self, hashes: Iterable[str]) -> list[Known]:
        """What is known of these, the SHA-256 of ids. Oldest first."""
        wanted = set(hashes)
        if wanted <= self._asked:
            return [row for row in self._rows if row.hash in wanted]
        return self._found(wanted)

    def _found(self, hashes: set[str]) -> list[Known]:
        found: list[Known] = []
        for some in chunks(sorted(hashes)):
            found += self._env.db_query(
                "SELECT hash, copy, delivery, ticket, outgoing FROM mailintake_message_id "
                f"WHERE hash IN ({marks(some)}) ORDER BY id",
                some,
            )
        return [Known(*row) for row in found]
