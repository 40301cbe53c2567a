"""Pages look whether a service is overdue, and come though the look fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.waiting import until
from tests.watched import later, said, watch
from trac_mailintake.components.overdue_check import DeadMan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox
    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv


@pytest.fixture
def watched(trac_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink) -> Mailbox:
    """A service whose rounds go well, on each database."""
    return watch(trac_env, tmp_path, smtp_sink)


def test_the_web_interface_tells_that_cron_is_dead(watched: Mailbox, smtp_sink: SmtpSink) -> None:
    """Any page does; and its process sends the notice itself, since no run will."""
    later(watched, 3)
    with watched.trac.serve() as tracd:
        visitor = tracd.visitor()
        for _ in range(3):
            assert visitor.get("/wiki").status == 200
        smtp_sink.wait_for(1)
    [(_, text)] = said(smtp_sink)
    assert "None was begun since: does cron still run" in " ".join(text.split())
    assert "for 3 hours" in text


def test_pages_come_though_the_look_fails(watched: Mailbox) -> None:
    """Nobody waits for it, and it is in the log."""
    with watched.trac.env.db_transaction as db:
        db("ALTER TABLE mailintake_service RENAME TO mailintake_gone")
    with watched.trac.serve() as tracd:
        assert tracd.visitor().get("/wiki").status == 200
        until(lambda: "could not see whether a service is overdue" in watched.trac.log())


@pytest.mark.parametrize(("fetch", "letters"), [("enabled", 1), ("disabled", 0)])
def test_a_copy_that_does_not_fetch_misses_nothing(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink, fetch: str, letters: int
) -> None:
    """`[mailintake] fetch = disabled` is for copies of an environment: cron never runs there."""
    watched = watch(sqlite_env, tmp_path, smtp_sink)
    later(watched, 3)
    sqlite_env.set(("mailintake", "fetch", fetch))
    guard, handler = sqlite_env.env[DeadMan], object()
    assert guard.pre_process_request(None, handler) is handler
    until(lambda: guard._looking.acquire(blocking=False), what="it still looks")
    assert len(said(smtp_sink)) == letters


def test_of_several_processes_one_tells(watched: Mailbox, smtp_sink: SmtpSink) -> None:
    """Two web servers and three runs at the same moment; two services; one letter."""
    watched.add_service("delay=5", "overdue=120", name="sales")
    later(watched, 3)
    with watched.trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET next_run=%s", (2**62,))
    watched.trac.close()
    with watched.trac.serve() as one, watched.trac.serve() as two:
        runs = [watched.trac.start("mailintake", "run") for _ in range(3)]
        for each in (one, two, one, two):
            assert each.visitor().get("/wiki").status == 200
        for run in runs:
            _, err = run.communicate(timeout=60)
            assert run.returncode == 0, err
        smtp_sink.wait_for(1)
        time.sleep(1)
    [(_, text)] = said(smtp_sink)
    assert text.count("No round of the service") == 2
