"""Changes of tables that can be repeated, on each database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from trac.db import Column, DatabaseManager, Index, Table

from trac_mailintake.tracker.db.upgrades.tables import Tables, name_of

if TYPE_CHECKING:
    from trac.env import Environment

    from tests.servers.tracenv import TracEnv

SHELF: Final = Table("mailintake_shelf", key="id")[
    Column("id", auto_increment=True),
    Column("word", key_size=20),
    Column("number", type="int64"),
    Index(["word"], unique=True),
    Index(["word", "number"]),
    Index(["number"]),
]


@pytest.fixture(params=["sqlite_env", "postgres_env", "mariadb_env"])
def env(request: pytest.FixtureRequest) -> Environment:
    """An environment with a table that has a row."""
    trac: TracEnv = request.getfixturevalue(request.param)
    DatabaseManager(trac.env).create_tables([SHELF])
    with trac.env.db_transaction as db:
        db("INSERT INTO mailintake_shelf (word, number) VALUES ('one', 1)")
    return trac.env


def test_a_column_is_added_once(env: Environment) -> None:
    """With the type that a fresh table would have; rows have NULL there."""
    for _ in range(2):
        with env.db_transaction as db:
            Tables(env, db).add_column("mailintake_shelf", Column("moment", type="int64"))
    with env.db_transaction as db:
        assert Tables(env, db).has_column("mailintake_shelf", "moment")
        assert db("SELECT word, moment FROM mailintake_shelf") == [("one", None)]
        db("UPDATE mailintake_shelf SET moment=%s", (2**53,))
        assert db("SELECT moment FROM mailintake_shelf") == [(2**53,)]


def test_a_column_is_dropped_once_with_its_indexes(env: Environment) -> None:
    """The others, the rows and their numbers stay."""
    for _ in range(2):
        with env.db_transaction as db:
            tables = Tables(env, db)
            tables.drop_column("mailintake_shelf", "number")
            assert not tables.has_column("mailintake_shelf", "number")
            ours = {name for name in tables.indexes("mailintake_shelf") if name.endswith("_idx")}
            assert ours == {"mailintake_shelf_word_idx"}
            assert db("SELECT * FROM mailintake_shelf") == [(1, "one")]
    with pytest.raises(env.db_exc.IntegrityError), env.db_transaction as db:
        db("INSERT INTO mailintake_shelf (word) VALUES ('one')")


def test_a_column_is_renamed_once(env: Environment) -> None:
    """With its values, and the indexes that it is part of."""
    for _ in range(2):
        with env.db_transaction as db:
            Tables(env, db).rename_column("mailintake_shelf", "word", Column("text", key_size=20))
    with env.db_transaction as db:
        assert not Tables(env, db).has_column("mailintake_shelf", "word")
        assert db("SELECT text, number FROM mailintake_shelf") == [("one", 1)]
    with pytest.raises(env.db_exc.IntegrityError), env.db_transaction as db:
        db("INSERT INTO mailintake_shelf (text) VALUES ('one')")


def test_missing_indexes_are_made_once(env: Environment) -> None:
    """Only those; with the name that Trac gives them."""
    wanted = {name_of("mailintake_shelf", index) for index in SHELF.indices}
    on = " ON mailintake_shelf" if type(DatabaseManager(env).get_connector()[0]).__name__ == "MySQLConnector" else ""
    with env.db_transaction as db:
        db(f"DROP INDEX mailintake_shelf_word_number_idx{on}")
        assert not wanted <= Tables(env, db).indexes("mailintake_shelf")
    for _ in range(2):
        with env.db_transaction as db:
            tables = Tables(env, db)
            tables.add_indexes(SHELF)
            assert wanted <= tables.indexes("mailintake_shelf")
