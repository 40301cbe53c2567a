"""What is recorded: all of it or nothing, by whoever still has the mail."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, id_of, mail
from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake.errors import NoLongerMine
from trac_mailintake.intake.model import Account, Listed, Outcome, Status
from trac_mailintake.intake.ports import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.model import Delivery

ACCOUNT = Account("imap", "imap://ann@mail.example.org/INBOX")


class Listening:
    """A plugin that fails whenever it is told of an outcome."""

    def __init__(self) -> None:
        self.told = 0

    @hookimpl
    def mailintake_recorded(self, message: object) -> None:
        """See `hookspecs`."""
        self.told += 1
        raise ValueError("No.")


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


def refused(delivery: Delivery) -> Refused:
    """A decision that files nothing."""
    return Refused(delivery, None, Outcome(Status.DISCARDED, "test", "The test says so."), ())


def test_a_row_tells_of_bytes_message_and_ticket(rig: Rig) -> None:
    """And only of what there is. Mail of the first run does not count for rates."""
    first = mail("Printer")
    rig.drop(first)
    rig.run()
    rig.set(bulk="delete")
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET last_success=1")
    rig.drop(mail("Re: Printer", f"In-Reply-To: {id_of(first)}"), first, mail("News", "Precedence: bulk"))
    rig.run()
    columns = "state, ticket, comment, subject, counted>0, filed>0, author<>'', archive_length>0"
    assert rig.trac.query(f"SELECT {columns} FROM mailintake_delivery ORDER BY id") == [
        ("created", 1, None, "Printer", 0, 1, 1, 1),
        ("commented", 1, 1, "Re: Printer", 1, 1, 1, 1),
        ("duplicate", 1, None, "Printer", 1, 0, 0, 1),
        ("discarded", None, None, "News", 1, 0, 0, 1),
    ]


def test_nothing_is_recorded_if_one_of_the_mails_was_taken_over(rig: Rig) -> None:
    """All or none: the others are decided again."""
    with rig.worker() as assembly:
        service = assembly.settings.services.get("support")
        assembly.mailbox.reconcile(service, ACCOUNT, [Listed("1", "1"), Listed("2", "2")])
        one, two = assembly.claims.claim(service, ACCOUNT, 50)
        with pytest.raises(NoLongerMine):
            assembly.recorder.record([refused(one), refused(replace(two, fence=two.fence + 1))])
        assert [row["state"] for row in rig.journal()] == ["claimed", "claimed"]
        assembly.recorder.record([refused(one)])
        assert [row["state"] for row in rig.journal()] == ["discarded", "claimed"]
        with pytest.raises(NoLongerMine):
            assembly.recorder.record([refused(one)])


@pytest.mark.sqlite
def test_a_group_ends_early_when_its_time_is_used_up(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Others wait for the database: what is left is recorded in the next transactions, each mail once."""
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(*(mail(f"Mail {number}") for number in range(12)))
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<200000) SELECT MAX(i) FROM n"
    with rig.trac.env.db_transaction as db:
        db("CREATE TABLE changes (at INTEGER)")
        db(f"CREATE TRIGGER slow AFTER INSERT ON ticket BEGIN INSERT INTO changes {count}; END")
    with watched_commits(rig) as commits:
        rig.run()
    written = [after - before for before, after in itertools.pairwise([0, *commits])]
    assert sum(written) == 12
    assert len(written) > 1
    assert rig.outcomes == [("created", "new")] * 12
    assert [ticket["summary"] for ticket in rig.trac.tickets()] == [f"Mail {number}" for number in range(12)]


@contextmanager
def watched_commits(rig: Rig) -> Iterator[list[int]]:
    """How many tickets others saw, each time that they saw more of them."""
    ended = threading.Event()
    seen: list[int] = []

    def watch() -> None:
        with closing(sqlite3.connect(rig.trac.path / "db" / "trac.db", timeout=60)) as other:
            while True:
                last = ended.is_set()
                [(number,)] = other.execute("SELECT COUNT(*) FROM ticket")
                if number > (seen[-1] if seen else 0):
                    seen.append(number)
                if last:
                    return
                time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def test_a_plugin_that_fails_afterwards_changes_nothing(rig: Rig) -> None:
    """The outcome is committed, and the next mail is filed."""
    listening = Listening()
    rig.drop(mail("One"), mail("Two"))
    rig.run(listening)
    assert rig.outcomes == [("created", "new")] * 2
    assert listening.told == 2


@pytest.mark.parametrize(("owner", "recorded", "owed"), [(None, 1, 0), ("elsewhere", 1, 0), ("elsewhere", 2**60, 1)])
def test_what_a_dead_worker_owed_is_announced(rig: Rig, owner: str | None, recorded: int, owed: int) -> None:
    """That of a worker elsewhere only after a while: it may be about to do so."""
    rig.drop(mail("One"))
    rig.run()
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET notify=1, owner=%s, recorded=%s", (owner, recorded))
    with rig.worker() as assembly:
        assert assembly.recorder.announce_owed() == 1 - owed
        assert rig.journal()[0]["notify"] == owed
