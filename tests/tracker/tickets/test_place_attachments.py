"""Attachments are put into place with their rows: each row has its file in the end, each file its row."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from trac.attachment import Attachment
from trac.util.datefmt import datetime_now, utc

from tests.builders import comment, enclosed, new_ticket
from tests.mounts import bound, vfat
from tests.servers.machine import ServerMissing
from tests.tracker.conftest import Desk, write
from trac_mailintake.intake.errors import Stale
from trac_mailintake.tracker.private_dir import ROOT
from trac_mailintake.tracker.tickets.place_attachments import INTENT, target
from trac_mailintake.tracker.tickets.stage_attachments import FOLDER, Staging
from trac_mailintake.tracker.tickets.write import enclosures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.tracenv import TracEnv

KILLED = """
import os, signal, sys
from pathlib import Path
from trac.env import Environment
from trac.util.datefmt import datetime_now, utc
from tests.builders import enclosed, message, new_ticket, service
from trac_mailintake.tracker.tickets import write
from trac_mailintake.tracker.adapter import TracTracker
from trac_mailintake.tracker.tickets.stage_attachments import Staging

def die(moment):
    if sys.argv[3] == moment:
        os.kill(os.getpid(), signal.SIGKILL)

env = Environment(sys.argv[1])
staging = Staging(env, "dead")
tracker = TracTracker(env, staging)
several = [
    tracker.prepare(
        new_ticket(attachments=(enclosed(Path(sys.argv[2]), "x.txt", content),)), message(), service()
    )
    for content in (b"content", b"more")
]
placement = staging.placement(write.enclosures(several))
die("begin")
with env.db_transaction:
    filed = [write.write(env, each, datetime_now(utc), {}) for each in several]
    die("written")
    placement.link(each.attached for each in filed)
    die("linked")
die("committed")
placement.keep()
die("kept")
"""
COMMITTED = ("committed", "kept")
MOMENTS = ("begin", "written", "linked", *COMMITTED)


def files(trac: TracEnv, folder: str) -> list[Path]:
    """All files below a folder of `files/`."""
    return sorted(each for each in (trac.path / "files" / folder).rglob("*") if each.is_file())


def contents(trac: TracEnv) -> list[bytes]:
    """The contents of all files that Trac would show."""
    return sorted(each.read_bytes() for each in files(trac, "attachments"))


def killed(trac: TracEnv, spool: Path, moment: str) -> None:
    """A worker named `dead` that is killed while it files two tickets, each with a file."""
    trac.close()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(trac.path), str(spool), moment],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def whole(trac: TracEnv, moment: str) -> None:
    """Every row has its file with its bytes, there is no other file, and nothing is staged."""
    expected = [b"content", b"more"] if moment in COMMITTED else []
    rows = trac.query("SELECT id, filename FROM attachment ORDER BY id")
    assert len(rows) == len(expected)
    read = []
    for number, name in rows:
        with Attachment(trac.env, "ticket", number, name).open() as file:
            read.append(file.read())
    assert read == expected
    assert contents(trac) == expected
    assert files(trac, "mailintake/staging") == []
    assert not Path(trac.env.files_dir, ROOT, FOLDER, "dead").exists()


@pytest.mark.parametrize("moment", MOMENTS)
def test_whenever_a_worker_is_killed_files_and_rows_agree(desk: Desk, tmp_path: Path, moment: str) -> None:
    """What was committed is there, and nothing else; the number of a lost ticket can be used again."""
    killed(desk.trac, tmp_path, moment)
    assert len(contents(desk.trac)) == (2 if moment in ("linked", *COMMITTED) else 0)
    Staging(desk.trac.env, "a-worker").sweep("dead")
    whole(desk.trac, moment)
    filed = desk.file(new_ticket(attachments=(enclosed(tmp_path, "x.txt", b"another"),)))
    assert desk.trac.query("SELECT filename FROM attachment WHERE id=%s", str(filed.ticket)) == [("x.txt",)]


@pytest.mark.parametrize("moment", ["linked", "committed"])
@pytest.mark.parametrize("lost", ["links", "folders"])
def test_what_a_power_cut_undid_is_done_again(desk: Desk, tmp_path: Path, moment: str, lost: str) -> None:
    """Links and folders that were not flushed are gone, the staged files are not: they are linked anew."""
    killed(desk.trac, tmp_path, moment)
    for each in files(desk.trac, "attachments"):
        each.unlink()
        if lost == "folders":
            each.parent.rmdir()
    Staging(desk.trac.env, "a-worker").sweep("dead")
    whole(desk.trac, moment)


def test_an_attachment_that_was_deleted_meanwhile_does_not_come_back(desk: Desk, tmp_path: Path) -> None:
    """Somebody deletes it, and attaches another of that name, between the commit and the sweep."""
    killed(desk.trac, tmp_path, "committed")
    first, second = (str(number) for (number,) in desk.trac.query("SELECT id FROM attachment ORDER BY id"))
    for number in (first, second):
        Attachment(desk.trac.env, "ticket", number, "x.txt").delete()
    desk.file(comment(int(first), attachments=(enclosed(tmp_path, "x.txt", b"by hand"),)))
    Staging(desk.trac.env, "a-worker").sweep("dead")
    assert desk.trac.query("SELECT id FROM attachment") == [(first,)]
    assert contents(desk.trac) == [b"by hand"]


def test_a_file_that_is_lost_stops_nothing(desk: Desk, tmp_path: Path) -> None:
    """Somebody removed it by hand, in both places: the other is put into place, and the next run can begin."""
    killed(desk.trac, tmp_path, "committed")
    for each in files(desk.trac, "attachments"):
        each.unlink()
        each.parent.rmdir()
    [lost] = [each for each in files(desk.trac, "mailintake/staging") if each.read_bytes() == b"content"]
    lost.unlink()
    Staging(desk.trac.env, "a-worker").sweep("dead")
    assert contents(desk.trac) == [b"more"]
    assert files(desk.trac, "mailintake/staging") == []


def test_a_sweep_that_comes_late_takes_nothing_from_others(desk: Desk, tmp_path: Path) -> None:
    """The number was handed out again before the sweep: the new ticket's file has another name and stays."""
    killed(desk.trac, tmp_path, "linked")
    filed = desk.file(new_ticket(attachments=(enclosed(tmp_path, "x.txt", b"another"),)))
    again = filed.ticket == 1  # SQLite hands numbers out again, PostgreSQL does not
    assert desk.trac.query("SELECT filename FROM attachment") == [("x.2.txt" if again else "x.txt",)]
    Staging(desk.trac.env, "a-worker").sweep("dead")
    assert contents(desk.trac) == [b"another"]


def test_a_row_of_somebody_else_is_not_given_our_file(desk: Desk, tmp_path: Path) -> None:
    """The link was lost, too, and the number was used again, with a file of that name: it is known by its time."""
    killed(desk.trac, tmp_path, "linked")
    for each in files(desk.trac, "attachments"):
        each.unlink()
    filed = desk.file(new_ticket(attachments=(enclosed(tmp_path, "x.txt", b"another"),)))
    assert desk.trac.query("SELECT filename FROM attachment") == [("x.txt",)]
    Path(target(desk.trac.env, filed.ticket, "x.txt")).unlink()
    Staging(desk.trac.env, "a-worker").sweep("dead")
    assert contents(desk.trac) == []


def test_an_intent_of_the_version_before_is_understood(desk: Desk, tmp_path: Path) -> None:
    """It names no times and sizes: what has a row stays, what has none goes."""
    killed(desk.trac, tmp_path, "committed")
    [intent] = Path(desk.trac.env.files_dir, ROOT, FOLDER, "dead").glob(f"*{INTENT}")
    lines = [line.rsplit(", ", 2)[0] + "]\n" for line in intent.read_text("utf-8").splitlines()]
    intent.write_text("".join(lines), "utf-8")
    Attachment(desk.trac.env, "ticket", 2, "x.txt").delete()
    Path(target(desk.trac.env, 1, "x.txt")).unlink()
    os.link(intent.parent / lines[1].split('"')[3], _made(target(desk.trac.env, 2, "x.txt")))
    Staging(desk.trac.env, "a-worker").sweep("dead")
    assert contents(desk.trac) == [b"content"]


def _made(path: str) -> str:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def test_a_failing_transaction_leaves_no_file(desk: Desk, tmp_path: Path) -> None:
    """The other one of the same name stays."""
    number = desk.file(new_ticket()).ticket
    prepared = desk.prepare(comment(number, attachments=(enclosed(tmp_path, "a.txt", b"1"),)))
    rival = desk.prepare(comment(number, attachments=(enclosed(tmp_path, "a.txt", b"2"),)))
    desk.write(prepared)
    with pytest.raises(Stale):
        desk.write(rival)
    assert contents(desk.trac) == [b"1"]
    assert [each for each in files(desk.trac, "mailintake/staging") if each.suffix == INTENT] == []
    desk.staging.discard(enclosures([rival]))
    assert files(desk.trac, "mailintake/staging") == []


def test_a_name_that_is_taken_at_the_last_moment_is_left_to_whoever_took_it(desk: Desk, tmp_path: Path) -> None:
    """An upload that is not committed yet: the mail is decided again, and what was linked before it is taken back."""
    parts = tuple(enclosed(tmp_path, name, name.encode()) for name in ("a.txt", "b.txt"))
    prepared = desk.prepare(new_ticket(attachments=parts))
    placement = desk.staging.placement(enclosures([prepared]))
    with suppress(Stale), desk.trac.env.db_transaction:
        attached = write(desk.trac.env, prepared, datetime_now(utc)).attached
        Path(_made(target(desk.trac.env, attached.ticket, "b.txt"))).write_bytes(b"uploaded")
        placement.link([attached])
        pytest.fail("It took another's place.")
    placement.settle()
    assert contents(desk.trac) == [b"uploaded"]
    assert desk.trac.tickets() == []


@pytest.fixture
def elsewhere(sqlite_env: TracEnv) -> Iterator[TracEnv]:
    """An environment whose attachments are on another file system than its other files."""
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == sqlite_env.path.stat().st_dev:
        pytest.skip("there is no second file system")
    sqlite_env.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    with TemporaryDirectory(dir="/dev/shm") as folder:
        attachments = sqlite_env.path / "files" / "attachments"
        attachments.parent.mkdir(exist_ok=True)
        attachments.symlink_to(folder)
        yield sqlite_env


@pytest.mark.parametrize("moment", MOMENTS)
def test_where_links_are_not_possible_files_are_copied(elsewhere: TracEnv, tmp_path: Path, moment: str) -> None:
    """And known by their content; a copy that a power cut has cut short is made again."""
    killed(elsewhere, tmp_path, moment)
    if moment == "committed":
        for each in files(elsewhere, "attachments/ticket"):
            each.write_bytes(each.read_bytes()[:3])
    Staging(elsewhere.env, "a-worker").sweep("dead")
    read = [each.read_bytes() for each in files(elsewhere, "attachments/ticket")]
    assert sorted(read) == ([b"content", b"more"] if moment in COMMITTED else [])
    assert files(elsewhere, "mailintake/staging") == []


@pytest.fixture(params=["a bind mount", "vfat"])
def linkless(request: pytest.FixtureRequest, sqlite_env: TracEnv, tmp_path: Path) -> Iterator[TracEnv]:
    """An environment whose attachments are where link(2) fails.

    Through another mount it fails although the device is the same, as in a container with a volume for each folder.
    """
    attachments = sqlite_env.path / "files" / "attachments"
    attachments.mkdir(parents=True, exist_ok=True)
    sqlite_env.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    with ExitStack() as stack:
        try:
            if request.param == "vfat":
                stack.enter_context(vfat(sqlite_env.path / "files", tmp_path / "disk.vfat"))
            else:
                stack.enter_context(bound(attachments))
        except ServerMissing as missing:
            pytest.skip(str(missing))
        yield sqlite_env


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("cut", [False, True])
def test_a_file_system_without_links_is_no_other(linkless: TracEnv, tmp_path: Path, moment: str, *, cut: bool) -> None:
    """What was committed is there whole, and nothing else, however often it is swept. Copies may be cut short."""
    killed(linkless, tmp_path, moment)
    for each in files(linkless, "attachments") if cut and moment != "kept" else ():
        each.write_bytes(each.read_bytes()[:3])
    Staging(linkless.env, "a-worker").sweep("dead")
    whole(linkless, moment)
    Staging(linkless.env, "a-worker").sweep("dead")
    whole(linkless, moment)


def test_what_others_uploaded_is_no_copy_of_ours(linkless: TracEnv, tmp_path: Path) -> None:
    """The worker dies before it has copied anything, and others upload files of these names: one is just begun."""
    killed(linkless, tmp_path, "linked")
    folder = Path(linkless.env.files_dir, ROOT, FOLDER, "dead")
    [intent] = folder.glob(f"*{INTENT}")
    lines = intent.read_text("utf-8").splitlines(keepends=True)
    first, second = files(linkless, "attachments")
    first.write_bytes(b"")
    second.write_bytes(b"uploaded")
    intent.write_text("".join(line for line in lines if line.startswith(("[1,", "[2,"))), "utf-8")
    Staging(linkless.env, "a-worker").sweep("dead")
    assert contents(linkless) == [b"", b"uploaded"]


def test_a_name_taken_where_files_are_copied(linkless: TracEnv, tmp_path: Path) -> None:
    """An upload that has just begun stays, and what was copied before it is taken back."""
    parts = tuple(enclosed(tmp_path, name, name.encode()) for name in ("a.txt", "b.txt"))
    desk = Desk(linkless, Staging(linkless.env, "a-worker"))
    prepared = desk.prepare(new_ticket(attachments=parts))
    placement = desk.staging.placement(enclosures([prepared]))
    with suppress(Stale), linkless.env.db_transaction:
        attached = write(linkless.env, prepared, datetime_now(utc)).attached
        Path(_made(target(linkless.env, attached.ticket, "b.txt"))).touch()
        placement.link([attached])
        pytest.fail("It took another's place.")
    placement.settle()
    assert contents(linkless) == [b""]
