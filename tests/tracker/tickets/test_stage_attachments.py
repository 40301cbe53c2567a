"""Attachments are linked into place inside the transaction, and taken back when it does not come to be."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from trac.attachment import Attachment

from tests.builders import comment, enclosed, message, new_ticket
from trac_mailintake.intake.errors import Stale
from trac_mailintake.tracker.private_dir import ROOT
from trac_mailintake.tracker.tickets import stage_attachments, write
from trac_mailintake.tracker.tickets.stage_attachments import FOLDER, Oversized, Staging

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv
    from tests.tracker.conftest import Desk

KILLED = """
import os, signal, sys
from pathlib import Path
from trac.env import Environment
from trac.util.datefmt import datetime_now, utc
from tests.builders import enclosed, message, new_ticket, service
from trac_mailintake.tracker.tickets import write
from trac_mailintake.tracker.adapter import TracTracker
from trac_mailintake.tracker.tickets.stage_attachments import Staging

env = Environment(sys.argv[1])
change = new_ticket(attachments=(enclosed(Path(sys.argv[2]), "x.txt", b"content"),))
prepared = TracTracker(env, Staging(env, "dead")).prepare(change, message(), service())
with env.db_transaction:
    filed = write.write(env, prepared, datetime_now(utc), {})
    if sys.argv[3] == "before":
        print(filed.linked.targets[0], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
print(filed.linked.targets[0], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def files(trac: TracEnv, folder: str) -> list[Path]:
    """All files below a folder of `files/`."""
    return sorted(each for each in (trac.path / "files" / folder).rglob("*") if each.is_file())


def killed(trac: TracEnv, spool: Path, moment: str) -> str:
    """A worker named `dead` that is killed `before` or `after` the commit of a ticket. Where it linked its file."""
    trac.close()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(trac.path), str(spool), moment],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout.strip()


def test_killed_before_the_commit_its_file_is_taken_back(desk: Desk, tmp_path: Path) -> None:
    """SIGKILL between link and commit, then the number of the ticket is handed out again: one file, under its name."""
    target = killed(desk.trac, tmp_path, "before")
    assert os.path.exists(target)
    assert desk.trac.tickets() == []
    staging = Staging(desk.trac.env, "a-worker")
    folder = Path(desk.trac.env.files_dir, ROOT, FOLDER, "dead")
    assert folder.is_dir()
    staging.sweep("dead")
    assert files(desk.trac, "attachments") == []
    assert not folder.exists()
    desk.file(new_ticket(attachments=(enclosed(tmp_path, "x.txt", b"content"),)))
    assert desk.trac.query("SELECT filename FROM attachment") == [("x.txt",)]
    assert [each.read_bytes() for each in files(desk.trac, "attachments")] == [b"content"]


def test_killed_after_the_commit_its_file_stays(desk: Desk, tmp_path: Path) -> None:
    """The row says that it is owned; only the staged copy goes."""
    killed(desk.trac, tmp_path, "after")
    Staging(desk.trac.env, "a-worker").sweep("dead")
    [attachment] = Attachment.select(desk.trac.env, "ticket", 1)
    with attachment.open() as file:
        assert file.read() == b"content"
    assert files(desk.trac, "mailintake") == []


def test_a_sweep_that_comes_late_takes_nothing_from_others(desk: Desk, tmp_path: Path) -> None:
    """The number was handed out again before the sweep: the new ticket's file has another name and stays."""
    target = killed(desk.trac, tmp_path, "before")
    filed = desk.file(new_ticket(attachments=(enclosed(tmp_path, "x.txt", b"another"),)))
    again = filed.ticket == 1  # SQLite hands numbers out again, PostgreSQL does not
    assert desk.trac.query("SELECT filename FROM attachment") == [("x.2.txt" if again else "x.txt",)]
    assert os.path.exists(target)
    Staging(desk.trac.env, "a-worker").sweep("dead")
    assert [each.read_bytes() for each in files(desk.trac, "attachments")] == [b"another"]


def test_a_failing_transaction_leaves_no_file(desk: Desk, tmp_path: Path) -> None:
    """When the write itself fails, there is nothing that the caller could know of: it has cleaned up."""
    number = desk.file(new_ticket()).ticket
    prepared = desk.prepare(comment(number, attachments=(enclosed(tmp_path, "a.txt", b"1"),)))
    rival = desk.prepare(comment(number, attachments=(enclosed(tmp_path, "a.txt", b"2"),)))
    desk.write(prepared)
    with pytest.raises(Stale):
        desk.write(rival)
    assert [each.read_bytes() for each in files(desk.trac, "attachments")] == [b"1"]
    assert [each for each in files(desk.trac, "mailintake") if each.suffix == ".intent"] == []
    native = rival.native
    assert isinstance(native, write.Draft)
    desk.staging.discard(native.enclosures)
    assert files(desk.trac, "mailintake") == []


def test_what_is_too_large_is_not_kept(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Decoding ends as soon as the limit is passed, and leaves no file."""
    staging = Staging(sqlite_env.env, "a-worker")
    part = enclosed(tmp_path, "a.bin", b"x" * 3_000_000).part
    with pytest.raises(Oversized) as caught:
        staging.stage(part, 1000)
    assert 1000 < caught.value.size < 1_000_000
    assert files(sqlite_env, "mailintake") == []
    assert staging.stage(part).size == 3_000_000


def test_a_copy_is_recognised_where_links_are_not_possible(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Files on another device are copied, and taken back by their content."""
    other = "/dev/shm"
    if not os.path.isdir(other) or os.stat(other).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no second file system")
    folder = sqlite_env.path / "files" / "attachments"
    elsewhere = f"{other}/mailintake-{os.getpid()}"
    os.mkdir(elsewhere)
    folder.parent.mkdir(exist_ok=True)
    folder.symlink_to(elsewhere)
    try:
        sqlite_env.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
        target = killed(sqlite_env, tmp_path, "before")
        assert os.path.exists(target)
        Staging(sqlite_env.env, "a-worker").sweep("dead")
        assert not os.path.exists(target)
    finally:
        subprocess.run(["rm", "-r", elsewhere], check=True)


def test_an_odd_owner_has_a_folder_of_its_own(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """A worker's name is no path."""
    staging = Staging(sqlite_env.env, "../../host:1")
    staged = staging.stage(enclosed(tmp_path, "a", b"1").part)
    assert staged.path.startswith(str(sqlite_env.path / "files" / "mailintake" / stage_attachments.FOLDER) + os.sep)
    staging.sweep("../../host:1")
    assert files(sqlite_env, "mailintake") == []


def test_what_is_decoded_ahead_is_staged_at_once(desk: Desk, tmp_path: Path) -> None:
    """The result is the same as without decoding ahead; files that are not used go when the next message begins."""
    staging = desk.staging
    staging.discard([stage_attachments.Enclosure(staging.keep([b"the folder is there"]), "x")])
    wanted, unwanted, large = (enclosed(tmp_path, name, name.encode()).part for name in ("a", "b", "a large one"))
    mail = message(parts=(wanted, unwanted, large))
    staging.ahead(mail)
    assert len(files(desk.trac, "mailintake/staging")) == 3
    staging.begin(mail)
    staged = staging.stage(wanted, 100)
    assert (staged.size, staged.sha256) == (1, hashlib.sha256(b"a").hexdigest())
    with pytest.raises(Oversized):
        staging.stage(large, 4)
    assert len(files(desk.trac, "mailintake/staging")) == 3
    staging.begin(message())
    assert [str(each) for each in files(desk.trac, "mailintake/staging")] == [staged.path]
    staging.begin(mail)
    assert staging.stage(wanted).path != staged.path


def test_nothing_is_decoded_ahead_without_the_worker_s_folder(desk: Desk, tmp_path: Path) -> None:
    """Others may have removed it, since the worker is dead: a file would be nobody's."""
    mail = message(parts=(enclosed(tmp_path, "a", b"content").part,))
    Staging(desk.trac.env, "gone").ahead(mail)
    assert files(desk.trac, "mailintake/staging") == []


def test_only_so_much_is_decoded_ahead(desk: Desk, tmp_path: Path) -> None:
    """Beyond the limit parts are decoded only on demand. Wrappings are never decoded ahead, only their contents."""
    staging = desk.staging
    staging.discard([stage_attachments.Enclosure(staging.keep([b"the folder is there"]), "x")])
    small = enclosed(tmp_path, "a", b"content").part
    wrapping = replace(enclosed(tmp_path, "winmail.dat", b"content").part, content_type="application/ms-tnef")
    large = enclosed(tmp_path, "b", b"a" * 9_000_000).part
    staging.ahead(message(parts=(wrapping, small, large, enclosed(tmp_path, "c", b"content").part)))
    assert [each.read_bytes() for each in files(desk.trac, "mailintake/staging")] == [b"content"]
