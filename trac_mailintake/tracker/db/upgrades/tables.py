"""Changes of tables that can be repeated: each looks into the database's catalogue first."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from trac.db import DatabaseManager, Table

from trac_mailintake.tracker.db.transaction import is_mariadb, is_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.db import Column, Index
    from trac.env import Environment

_SQLITE: Final = "SELECT name FROM sqlite_master WHERE type='index' AND tbl_name=%s"
_POSTGRESQL: Final = "SELECT indexname FROM pg_indexes WHERE schemaname=current_schema() AND tablename=%s"
_MARIADB: Final = """SELECT DISTINCT index_name FROM information_schema.statistics
    WHERE table_schema=DATABASE() AND table_name=%s"""

_LOCK: Final = "CONCAT('mailintake upgrade ', MD5(DATABASE()))"
"""A lock's name has at most 64 characters, and is one of the whole server."""
_PATIENCE: Final = 24 * 3600
"""Seconds, as MariaDB itself waits for a table."""


class Tables:
    """The tables of an environment, within the transaction of its upgrade."""

    def __init__(self, env: Environment, db: Any) -> None:  # noqa: ANN401 - Trac's connection has no type
        """`db` is Trac's connection."""
        self.db = db
        self._env = env
        self._connector = DatabaseManager(env).get_connector()[0]

    @contextmanager
    def one_at_a_time(self, table: str) -> Iterator[None]:
        """Let another upgrade, which also begins by changing `table`, wait until this one is done.

        Otherwise both would find the same columns missing, and one would fail. It then finds all parts done. SQLite
        and PostgreSQL lock until the transaction ends. MariaDB's transactions end at each change of a table, so there
        the lock is one by name; it goes with the connection.
        """
        if is_mariadb(self._env):
            self.db(f"SELECT GET_LOCK({_LOCK}, {_PATIENCE})")
            try:
                yield
            finally:
                self.db(f"SELECT RELEASE_LOCK({_LOCK})")
            return
        if is_postgresql(self._env):
            self.db(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        elif not self.db.cnx.in_transaction:
            # Python begins a transaction only before a change of rows, so a change of a table would stand alone.
            self.db("BEGIN IMMEDIATE")
        yield

    def has_column(self, table: str, column: str) -> bool:
        """Whether the table has this column."""
        return column in self.db.get_column_names(table)

    def add_column(self, table: str, column: Column) -> None:
        """Add a column unless it is there; its value is NULL in all rows."""
        if not self.has_column(table, column.name):
            self.db(f"ALTER TABLE {table} ADD COLUMN {self._defined(table, column)}")

    def rename_column(self, table: str, old: str, column: Column) -> None:
        """Give the column `old`, if it is there, the name of `column`, which must have the same type."""
        if not self.has_column(table, old):
            return
        if is_mariadb(self._env):  # RENAME COLUMN is there from MariaDB 10.5 on only
            self.db(f"ALTER TABLE {table} CHANGE COLUMN {old} {self._defined(table, column)}")
        else:
            self.db(f"ALTER TABLE {table} RENAME COLUMN {old} TO {column.name}")

    def drop_column(self, table: str, column: str) -> None:
        """Drop a column, if it is there, and each index that it is part of."""
        if self.has_column(table, column):
            self.db.drop_column(table, column)

    def add_indexes(self, table: Table) -> None:
        """Create those indexes of the table that are missing."""
        there = self.indexes(table.name)
        # The first statement creates the table, the others its indexes, in order.
        statements = list(self._connector.to_sql(table))[1:]
        for index, create in zip(table.indices, statements, strict=True):
            if name_of(table.name, index) not in there:
                self.db(create)

    def indexes(self, table: str) -> frozenset[str]:
        """The names of the table's indexes."""
        if is_postgresql(self._env):
            return self._names(_POSTGRESQL, table)
        return self._names(_MARIADB if is_mariadb(self._env) else _SQLITE, table)

    def _defined(self, table: str, column: Column) -> str:
        """A column's name and type, as in CREATE TABLE."""
        [create] = self._connector.to_sql(Table(table)[(column,)])
        return str(create.splitlines()[1].strip())

    def _names(self, query: str, table: str) -> frozenset[str]:
        return frozenset(name for (name,) in self.db(query, (table,)))


def name_of(table: str, index: Index) -> str:
    """The name that Trac gives to an index (trac/db/sqlite_backend.py, _to_sql)."""
    return f"{table}_{'_'.join(index.columns)}_idx"
