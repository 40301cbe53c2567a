"""record: queues INSERT, UPDATE and DELETE, and sends them with the next SELECT in one round trip (PostgreSQL only).

A round trip costs more than most statements. This also batches what Trac's own models write in our transactions.

Without it a run takes in 0.66 times as many mails a second from a Maildir with PostgreSQL 2 ms away (0.62 to 0.82), and
0.97 times as many with PostgreSQL on the same machine (0.90 to 1.03; 30 November 2026).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ANSWER_NOTHING: Final = ("INSERT ", "UPDATE ", "DELETE ", "SELECT set_config(")
"""The last one returns a row, which no caller reads."""
_UNKNOWN: Final = -1
"""The row count is no longer available (PEP 249, Cursor.rowcount)."""


@contextmanager
def together(connection: Any) -> Iterator[None]:  # noqa: ANN401 - Trac's PostgreSQLConnection, whose types nobody wrote
    """Within the block, queue what is written over Trac's connection until the next query.

    A failure is raised by the next query, or at the end of the block.
    """
    if isinstance(connection.cnx, _Gathering):
        yield
        return
    gathering = _Gathering(connection.cnx)
    connection.cnx = gathering
    try:
        yield
        gathering.send()
    finally:
        connection.cnx = gathering.real


class _Gathering:
    """Wraps a DB-API connection, and queues statements."""

    def __init__(self, real: Any) -> None:  # noqa: ANN401 - psycopg2's connection
        self.real = real
        self.waiting: list[tuple[str, Sequence[object] | None]] = []
        self.last: object = None
        """The cursor of the last queued statement."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
        return getattr(self.real, name)

    def cursor(self) -> _Cursor:
        return _Cursor(self, self.real.cursor())

    def commit(self) -> None:
        self.send()
        self.real.commit()

    def rollback(self) -> None:
        self.waiting.clear()
        self.real.rollback()

    def send(self) -> None:
        """Send the queued statements, if any."""
        if self.waiting:
            with self.real.cursor() as cursor:
                self.execute(cursor)

    def execute(self, cursor: Any, *more: tuple[str, Sequence[object] | None]) -> None:  # noqa: ANN401 - psycopg2's
        """Run the queued statements and then `more`; the result is that of the last."""
        statements, self.waiting = [*self.waiting, *more], []
        if len(statements) == 1:
            cursor.execute(*statements[0])
            return
        # psycopg2 treats % as the start of a placeholder only if there are arguments.
        sql = "; ".join(sql if arguments else sql.replace("%", "%%") for sql, arguments in statements)
        cursor.execute(sql, [each for _, arguments in statements for each in arguments or ()] or None)


class _Cursor:
    """Wraps a DB-API cursor, and queues statements."""

    def __init__(self, gathering: _Gathering, real: Any) -> None:  # noqa: ANN401 - psycopg2's cursor
        self._gathering = gathering
        self._real = real
        self._waits = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
        return getattr(self._real, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._real)

    def execute(self, sql: str, arguments: Sequence[object] | None = None) -> None:
        self._waits = sql.lstrip().startswith(_ANSWER_NOTHING)
        if self._waits:
            self._gathering.waiting.append((sql, arguments or None))
            self._gathering.last = self
        else:
            self._gathering.execute(self._real, (sql, arguments or None))

    def executemany(self, sql: str, several: Iterable[Sequence[object]]) -> None:
        for arguments in several:
            self.execute(sql, arguments)

    @property
    def rowcount(self) -> int:
        """Number of rows that the last statement changed or found; read it before the next statement."""
        if self._waits:
            if not self._gathering.waiting or self._gathering.last is not self:
                return _UNKNOWN
            self._gathering.execute(self._real)
            self._waits = False
        return int(self._real.rowcount)
