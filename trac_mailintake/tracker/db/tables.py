"""Creates the tables of the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.db import DatabaseManager

from trac_mailintake.tracker.db.schema import FIRST, NAME, SCHEMA, VERSION

if TYPE_CHECKING:
    from trac.env import Environment


def make_tables(env: Environment) -> None:
    """Create all tables, then store the schema's version.

    SQLite and MariaDB commit each CREATE, so a crash can leave some tables behind. They are empty, since nothing uses
    a table before the version is set, and are created again with all their indexes. Tables with rows stay: they have
    lost their version, for example in a database that was restored in part, and count as those of the first one.
    """
    manager = DatabaseManager(env)
    with env.db_transaction as db:
        left = [table for table in SCHEMA if manager.has_table(table)]
        empty = [table for table in left if not db(f"SELECT id FROM {table.name} LIMIT 1")]
        manager.drop_tables(empty)
        manager.create_tables([table for table in SCHEMA if not manager.has_table(table)])
        manager.set_database_version(VERSION if left == empty else FIRST, NAME)
