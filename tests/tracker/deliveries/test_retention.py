"""Retention: what goes, what stays, and that a row never points to bytes that are gone without saying so."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, mail
from trac_mailintake.tracker.archive.store import BUSY, alone
from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.deliveries.retention import purge, purge_daily
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

OLD = datetime.now(UTC) - timedelta(days=400)
AUTOMATIC = "Auto-Submitted: auto-replied"


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """A service whose mail is 400 days old as soon as `age` is called; on each database."""
    return Rig(trac_env, tmp_path)


def root(rig: Rig) -> Path:
    """The archive."""
    return rig.trac.path / "files" / "mailintake" / "archive"


def age(rig: Rig) -> None:
    """All that is in the archive was archived and recorded 400 days ago."""
    old = root(rig) / f"{OLD:%Y}" / f"{OLD:%m}" / f"{OLD:%d}"
    old.mkdir(parents=True, exist_ok=True)
    for batch in list(root(rig).glob("*/*/*/*.mails")):
        if batch.parent != old:
            before, after = (str(each.relative_to(root(rig))) for each in (batch.parent, old))
            batch.rename(old / batch.name)
            with rig.trac.env.db_transaction as db:
                db("UPDATE mailintake_delivery SET archive=REPLACE(archive, %s, %s)", (before, after))
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET recorded=%s, live=NULL", (int(OLD.timestamp() * 1_000_000),))


def dangling(rig: Rig) -> list[int]:
    """Rows that point to bytes which are not there."""
    return [
        entry.id
        for entry in Journal(rig.trac.env).entries(limit=1000)
        if entry.raw and not Path(entry.raw.path).is_file()
    ]


def test_old_bytes_go_and_their_rows_say_so(rig: Rig) -> None:
    """The journal keeps its row, a reply still finds its ticket, and a copy is still a duplicate."""
    first = mail("Old")
    rig.drop(first)
    rig.run()
    age(rig)
    [batch] = root(rig).rglob("*.mails")
    size = batch.stat().st_size
    purged = purge(rig.trac.env)
    assert (purged.mails, purged.batches, purged.size, purged.kept) == (1, 1, size, 0)
    assert not (root(rig) / f"{OLD:%Y}").exists()
    (entry,) = Journal(rig.trac.env).entries()
    assert entry.raw is None
    assert entry.purged > 0
    rig.drop(first)
    rig.run()
    assert rig.outcomes[-1] == ("duplicate", "duplicate")


def test_held_mail_stays_with_all_of_its_batch(rig: Rig) -> None:
    """Until it is dealt with."""
    rig.drop(mail("One"), mail("Away", AUTOMATIC))
    rig.run()
    age(rig)
    assert purge(rig.trac.env).kept == 1
    assert [entry.purged for entry in Journal(rig.trac.env).entries()] == [0, 0]
    Journal(rig.trac.env).discard(2, "a test")
    assert purge(rig.trac.env).mails == 2


def test_mail_without_a_row_does_not_go_in_silence(rig: Rig) -> None:
    """It stays as long as all mail; then whoever purges it is told how much of it there was, and in which file."""
    rig.drop(mail("One"), mail("Two"))
    rig.run()
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM mailintake_delivery WHERE id=2")
    assert purge(rig.trac.env).lost == ()
    age(rig)
    [batch] = root(rig).rglob("*.mails")
    purged = purge(rig.trac.env)
    assert (purged.batches, purged.mails) == (1, 1)
    [sentence] = purged.lost
    assert f"archive/{OLD:%Y/%m/%d}/{batch.name}" in sentence
    assert "1 mail that no row of the journal had" in sentence


def test_files_that_nothing_tells_of_do_not_go_in_silence(rig: Rig) -> None:
    """Of version 0.1, which wrote no records, after the rows were lost."""
    old = root(rig) / f"{OLD:%Y/%m/%d}"
    old.mkdir(parents=True)
    (old / "of-1.mails").write_bytes(mail("One") + mail("Two"))
    [sentence] = purge(rig.trac.env).lost
    assert re.search(r"/of-1.mails was older .* \d+ bytes without records that no row", sentence)


def test_what_a_purge_that_was_killed_left_is_not_lost(rig: Rig) -> None:
    """Its row says that it was purged; the file was not removed yet."""
    rig.drop(mail("One"))
    rig.run()
    age(rig)
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET archive=NULL, purged=1")
    purged = purge(rig.trac.env)
    assert (purged.batches, purged.lost) == (1, ())


def test_the_journal_forgets_what_is_in_no_ticket(rig: Rig) -> None:
    """`journal_days`: what is held, filed, or not yet old stays."""
    rig.set(block="spam.example", bulk="hold")
    rig.drop(mail("Spam", sender="a@spam.example"), mail("Filed"), mail("Away", AUTOMATIC))
    rig.run()
    age(rig)
    rig.drop(mail("Fresh spam", sender="a@spam.example"))
    rig.run()
    assert purge(rig.trac.env).rows == 0
    rig.trac.set(("mailintake", "journal_days", "30"), ("mailintake", "archive_days", "30"))
    rig.trac.command("mailintake", "held", "release", "3", "new")
    purge(rig.trac.env)
    assert purge(rig.trac.env).rows == 0
    assert [row["id"] for row in rig.journal()] == [2, 3, 4]


def test_mail_is_still_there_as_long_as_it_is_listed(rig: Rig) -> None:
    """A mail that is left in its mailbox keeps its row, whatever its age: it is not filed again."""
    rig.set(afterwards="leave", bulk="ignore")
    rig.drop(mail("Away", AUTOMATIC))
    rig.run()
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET recorded=1")
    rig.trac.set(("mailintake", "journal_days", "30"))
    assert purge(rig.trac.env).rows == 0
    rig.run()
    assert len(rig.journal()) == 1


def test_a_run_purges_once_a_day(rig: Rig) -> None:
    """And no more often."""
    rig.drop(mail("One"))
    rig.run()
    age(rig)
    rig.trac.command("mailintake", "run", "--force")
    assert not list(root(rig).glob("*/*/*/*.mails"))
    rig.drop(mail("Two"))
    rig.run()
    age(rig)
    purge_daily(rig.trac.env)
    assert list(root(rig).glob("*/*/*/*.mails"))


def test_nothing_is_purged_while_somebody_refiles(rig: Rig) -> None:
    """The command says so, and a run makes up for it as soon as it can."""
    rig.drop(mail("One"))
    rig.run()
    age(rig)
    with alone(rig.trac.env):
        done = rig.trac.command("mailintake", "purge")
        assert (done.status, BUSY in done.err) == (2, True)
        purge_daily(rig.trac.env)
        assert list(root(rig).glob("*/*/*/*.mails"))
    purge_daily(rig.trac.env)
    assert not list(root(rig).glob("*/*/*/*.mails"))


def test_the_daily_purge_tells_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody reads its output. *Status* has what no row has, as of then."""
    rig.drop(mail("One"))
    rig.run()
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM mailintake_delivery")
    age(rig)
    rig.drop(mail("Two"))
    rig.run()
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM mailintake_delivery")
    purge_daily(rig.trac.env)
    assert [each.levelname for each in caplog.records if "no row of the journal had" in each.message] == ["WARNING"]
    assert inventory.seen(rig.trac.env).lost == 1


def test_a_run_without_anything_else_to_do_purges(rig: Rig) -> None:
    """Where mail comes by a pipe only, no service is ever due."""
    rig.trac.command("mailintake", "service", "add", "pipe", "kind=pipe")
    rig.trac.command("mailintake", "service", "disable", "support")
    assert rig.trac.command("mailintake", "deliver", "pipe", stdin=mail("One")).status == 0
    age(rig)
    rig.trac.command("mailintake", "run")
    assert not list(root(rig).glob("*/*/*/*.mails"))


_KILLED = """
import os, signal, sys
from trac.env import open_environment
from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.deliveries.retention import purge
env = open_environment(sys.argv[1])
left = int(sys.argv[2])

def count(frame, event, called):
    global left
    names = {"unlink", "rmdir", "execute", "commit"}
    if event == "c_call" and called.__name__ in names:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.setprofile(count)
purge(env)
sys.setprofile(None)
env.shutdown()
"""


@pytest.mark.sqlite
def test_a_kill_at_any_moment_leaves_no_row_that_lies(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Killed before each statement, commit and removal; the next purge finishes, and what is held is whole."""
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail("Held", AUTOMATIC))
    rig.run()
    for moment in range(60):
        rig.drop(mail("One"), mail("Two"))
        rig.run()
        age(rig)
        rig.trac.close()
        words = [sys.executable, "-c", _KILLED, str(rig.trac.path), str(moment)]
        status = subprocess.run(words, check=False, cwd=rig.trac.path.parent).returncode
        assert status in (0, -signal.SIGKILL)
        assert dangling(rig) == [], f"killed at {moment}"
        purge(rig.trac.env)
        assert len(list(root(rig).glob("*/*/*/*.mails"))) == 1
        assert Journal(rig.trac.env).raw(1).read()
        if status == 0:
            assert moment > 5
            return
    pytest.fail("it never ended by itself")
