"""Everything is built from a Trac environment, and let go again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Remote, Rig, mail
from trac_mailintake.bootstrap import Survey, archive_limit, assemble_intake, mail_queue, settings_of
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service on a Maildir."""
    return Rig(sqlite_env, tmp_path)


def workers(trac: TracEnv) -> list[str]:
    """The names that are taken."""
    folder = trac.path / "files" / "mailintake" / "workers"
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def test_a_worker_has_a_name_until_it_is_closed(rig: Rig) -> None:
    """Whoever shows and changes services has none; closing twice is no error."""
    settings_of(rig.trac.env)
    assert workers(rig.trac) == []
    first, second = assemble_intake(rig.trac.env), assemble_intake(rig.trac.env)
    assert workers(rig.trac) == sorted([first.worker.owner, second.worker.owner])
    for _ in range(2):
        first.close()
        assert workers(rig.trac) == [second.worker.owner]
    second.close()
    assert workers(rig.trac) == []


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_the_mail_queue_alone_has_a_worker_of_its_own(rig: Rig, error: type[Exception] | None) -> None:
    """Until its block ends, however it does."""
    try:
        with mail_queue(rig.trac.env) as outbox:
            assert outbox.waiting() == 0
            assert len(workers(rig.trac)) == 1
            if error is not None:
                raise error
    except ZeroDivisionError:
        pass
    assert workers(rig.trac) == []


def test_what_waits_in_a_mailbox_is_counted(rig: Rig) -> None:
    """And nothing of it is taken; a mailbox that is not there is an error."""
    settings = settings_of(rig.trac.env)
    service = settings.services.get(SERVICE)
    assert settings.survey(service).waiting == 0
    rig.drop(mail(), mail(), mail())
    assert settings.survey(service) == Survey(3)
    assert len(rig.left) == 3
    rig.maildir.rename(rig.maildir.with_name("away"))
    with pytest.raises(SourceError):
        settings.survey(service)


@pytest.mark.parametrize(("typed", "octets"), [("256M", 256 * 1024**2), ("1024", 1024), (" 2 KB ", 2048)])
def test_the_archive_has_a_limit(rig: Rig, typed: str, octets: int) -> None:
    """In octets, or as it is usually written."""
    rig.trac.set(("mailintake", "archive_max_size", typed))
    assert archive_limit(rig.trac.env) == octets


@pytest.mark.parametrize("typed", ["1023", "much", "0"])
def test_a_wrong_limit_is_told_of_before_a_worker_is_made(rig: Rig, typed: str) -> None:
    """With its name; nothing is taken meanwhile."""
    rig.trac.set(("mailintake", "archive_max_size", typed))
    with pytest.raises(SettingError, match=r"^\[mailintake\] archive_max_size="):
        assemble_intake(rig.trac.env)
    assert workers(rig.trac) == []


def test_held_mail_is_decided_again_or_released(rig: Rig) -> None:
    """By its rules, or past all of them; a second time is none, since it is not held any more."""
    rig.set(block="ann@example.com")
    rig.drop(mail("Again"), mail("Released"))
    rig.run()
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='held'")
    journal = Journal(rig.trac.env)
    again, released = journal.get(1), journal.get(2)
    for _ in range(2):
        with rig.worker() as assembly:
            assembly.retry(again)
            assembly.release(released, None)
        assert rig.outcomes == [("rejected", "block"), ("created", "released")]
    assert [ticket["summary"] for ticket in rig.trac.tickets()] == ["Released"]


def test_nobody_waits_for_a_silent_server_longer_than_they_want(sqlite_env: TracEnv) -> None:
    """Its own time-out is for rounds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        Remote(sqlite_env, "imap", silent.getsockname()[1])
        settings = settings_of(sqlite_env.env)
        service = settings.services.get(SERVICE)
        source = settings.open(service, patience=Seconds(0.2))
        with pytest.raises(SourceError, match=r"no answer within 0\.2 s"):
            source.list()


AHEAD = """
import sys, threading
from trac.env import open_environment
from trac_mailintake.bootstrap import assemble_intake
from trac_mailintake.runs.watchdog import Watchdog

env = open_environment(sys.argv[1])
def reads_ahead(watch):
    made = assemble_intake(env, watch=watch)
    made.close()
    return made.ahead is not None

print(reads_ahead(Watchdog(env, 5.0)), reads_ahead(None))
end = threading.Event()
threading.Thread(target=end.wait).start()
print(reads_ahead(Watchdog(env, 5.0)))
end.set()
"""


def test_only_a_command_without_threads_reads_ahead_in_a_second_process(rig: Rig) -> None:
    """A fork copies the locks of other threads, but not the threads: tracd would stand still."""
    words = [sys.executable, "-W", "ignore", "-c", AHEAD, str(rig.trac.path)]
    said = subprocess.run(words, check=True, capture_output=True, cwd=rig.trac.path.parent, timeout=60).stdout
    assert said.split() == [b"True", b"False", b"False"]
    assert workers(rig.trac) == []
