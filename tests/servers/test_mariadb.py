"""The MariaDB that other tests rely on does what they rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.ticket.model import Ticket

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_carries_trac_and_the_plugin(mariadb_env: TracEnv) -> None:
    """The tables are made there too, and every letter is kept."""
    ticket = Ticket(mariadb_env.env)
    ticket.populate({"summary": "日本語 🎉", "reporter": "joe", "status": "new"})
    ticket.insert()
    assert [ticket["summary"] for ticket in mariadb_env.tickets()] == ["日本語 🎉"]
    assert mariadb_env.query("SELECT value FROM system WHERE name LIKE %s", "%mailintake%")
