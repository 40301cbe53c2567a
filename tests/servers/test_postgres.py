"""The PostgreSQL that other tests rely on does what they rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from tests.servers.postgres import Postgres


def test_every_schema_is_a_fresh_one(postgres: Postgres) -> None:
    """Tests do not meet one another in the database."""
    assert postgres.fresh_schema() != postgres.fresh_schema()


def test_stores_every_letter(postgres: Postgres) -> None:
    """The database is UTF-8."""
    connection = psycopg2.connect(host=postgres.host, port=postgres.port, user="trac", dbname="trac")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s::text", ("日本語 🎉",))
        assert cursor.fetchone() == ("日本語 🎉",)
    connection.close()
