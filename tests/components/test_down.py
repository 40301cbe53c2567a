"""Commands while the database cannot be used: a line that says so, the next step, and status 3."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from trac.admin.api import AdminCommandManager

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

TRIGGER = """CREATE TRIGGER gone BEFORE UPDATE OF {column} ON mailintake_service WHEN NEW.{column}<>OLD.{column}
BEGIN SELECT RAISE(ABORT, 'out of order'); END"""


@pytest.fixture
def mailbox(sqlite_env: TracEnv, tmp_path: Path) -> Mailbox:
    """A service with a mail, on a database whose lock time-out is short."""
    sqlite_env.set(("trac", "database", "sqlite:db/trac.db?timeout=1"))
    sqlite_env.grant("anonymous", "TICKET_CREATE")
    made = Mailbox(sqlite_env, tmp_path / "Maildir")
    made.add_service("delay=0", "afterwards=delete")
    made.put(mail())
    return made


@contextmanager
def locked(trac: TracEnv) -> Iterator[None]:
    """Another connection holds the database's exclusive lock."""
    with closing(sqlite3.connect(trac.path / "db" / "trac.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize(
    "words", [("run",), ("run", "support"), ("status",), ("queue", "list"), ("queue", "flush"), ("status", "--json")]
)
def test_a_locked_database_is_said_in_a_line(
    mailbox: Mailbox, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """Not as an exception of the database's driver, and not as wrong use."""
    commands = AdminCommandManager(mailbox.trac.env)
    with locked(mailbox.trac):
        assert commands.execute_command("mailintake", *words) == 3
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line.startswith("The database could not be used: database is locked")
    assert "Nothing is lost" in line
    assert commands.execute_command("mailintake", "run") == 0
    assert len(mailbox.trac.tickets()) == 1


@pytest.mark.parametrize(("column", "filed"), [("last_run", 0), ("last_success", 1)])
def test_what_cannot_be_noted_of_a_round_is_its_failure(mailbox: Mailbox, column: str, filed: int) -> None:
    """Before it and after it; another service runs all the same, and what was filed is said."""
    other = Mailbox(mailbox.trac, mailbox.folder.with_name("Other"))
    other.add_service("delay=0", "afterwards=delete", name="other")
    other.put(mail(2))
    mailbox.trac.set(("mailintake", "at_once", "1"))
    with closing(sqlite3.connect(mailbox.trac.path / "db" / "trac.db")) as database:
        database.execute(TRIGGER.format(column=column).replace("WHEN", "WHEN NEW.name='support' AND"))
        database.commit()
    done = mailbox.trac.command("mailintake", "run")
    assert len(mailbox.trac.tickets()) == 1 + filed, done.out + done.err
    assert done.status == 3
    assert "other: 1 created" in done.out
    assert "support: " + ("1 created; " if filed else "") in done.out
    assert "out of order" in done.out
