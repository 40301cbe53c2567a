"""Journals that real rounds made, on each database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

AUTOMATIC = "Auto-Submitted: auto-replied\n"


@pytest.fixture(params=["sqlite_env", "postgres_env", "mariadb_env"])
def mailbox(request: pytest.FixtureRequest, tmp_path: Path) -> Mailbox:
    """A service on each database, which took three mails and holds a fourth."""
    trac: TracEnv = request.getfixturevalue(request.param)
    trac.grant("anonymous", "TICKET_CREATE")
    made = Mailbox(trac, tmp_path / "Maildir")
    assert made.add_service("delay=10", "overdue=60").status == 0
    assert made.run().status == 0
    made.put(mail(1), mail(2), mail(3), mail(4, more=AUTOMATIC))
    assert made.run().status == 1
    return made


@pytest.fixture
def journal(trac_env: TracEnv, tmp_path: Path) -> Journal:
    """Of a service `support` with a ticket, a duplicate and a held mail, and of `sales` with a mail to forward."""
    trac_env.grant("anonymous", "TICKET_CREATE")
    box = Mailbox(trac_env, tmp_path / "support")
    box.add_service()
    box.put(mail(1, subject="Größe 100%"), mail(1, subject="Größe 100%"), mail(2, more=AUTOMATIC))
    other = Mailbox(trac_env, tmp_path / "sales")
    other.add_service("bulk=forward", "forward=boss@example.org", name="sales")
    other.put(mail(3, sender="Zoë <zoe@example.net>", more=AUTOMATIC))
    assert box.run().status == 1
    return Journal(trac_env.reopen())


def change(mailbox: Mailbox, sql: str, *arguments: object) -> None:
    """Make something of the past."""
    with mailbox.trac.env.db_transaction as db:
        db(sql, arguments)
