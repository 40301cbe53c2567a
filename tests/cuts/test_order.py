"""Nothing goes from a mailbox before what is remembered of it is on the disk: the order of flushes and disposals."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.crash import mails, rounds
from tests.crash.places import Directory, Maildir, Pipe, Remote
from tests.cuts.calls import FLUSHES, SENDS, Traced
from tests.cuts.disk import Disk, losing_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.crash.conftest import Places
    from tests.crash.places import Place
    from tests.cuts.calls import Call
    from tests.cuts.conftest import Stage
    from tests.servers.tracenv import TracEnv

_ON_THE_WIRE = ("STORE", "EXPUNGE", "MOVE", "DELE ")
_IN_A_FOLDER = ("unlink", "unlinkat", "rename", "renameat", "renameat2", "ftruncate")
PLAIN = "sqlite:db/trac.db"


def disposals(calls: Sequence[Call], place: Place) -> list[int]:
    """The calls by which something goes from a mailbox."""
    if isinstance(place, Remote):
        return [
            index
            for index, call in enumerate(calls)
            if call.name in SENDS and any(word in call.words for word in _ON_THE_WIRE)
        ]
    folder = str(place.folder)  # type: ignore[attr-defined]  # all others are local
    return [
        index
        for index, call in enumerate(calls)
        if call.name in _IN_A_FOLDER and call.path.startswith(folder) and not _is_of_ours(call.path)
    ]


def _is_of_ours(path: str) -> bool:
    """Whether it is a lock, or a file without a name (O_TMPFILE), which becomes one."""
    return path.endswith((".lock", ".tmp")) or f"{os.sep}#" in path


def second_commits(calls: Sequence[Call]) -> list[int]:
    """Where the transaction begins that follows the one which recorded a mail, the first after the archive's flush."""
    sealed = next(i for i, call in enumerate(calls) if call.name in FLUSHES and call.path.endswith(".mails"))
    journal = [i for i, call in enumerate(calls) if i > sealed and call.path.endswith("trac.db-journal")]
    recorded = next(i for i in journal if calls[i].name == "unlink")
    return [next(i for i in journal if i > recorded and "O_CREAT" in calls[i].words)]


def recorded(calls: Sequence[Call]) -> int:
    """Which of the calls of `fdatasync` flushes the outcome of the mails: the removal of SQLite's journal."""
    end = second_commits(calls)[0]
    return sum(call.name == "fdatasync" for call in calls[:end])


def check(calls: Sequence[Call], moments: Sequence[int], env: Path, number: int = 1) -> None:
    """At none of the moments, of which there are so many at least, would anything be lost."""
    assert len(moments) >= number
    assert any("trac.db" in call.path and call.name == "pwrite64" for call in calls[: moments[0]])
    # What lay there before lies on the disk: only what is done from now on counts.
    wrong = [(call, losing) for call, losing in losing_at(Disk(env), calls, moments) if losing]
    assert not wrong


def run(trac: TracEnv) -> None:
    """One round, in which all is well."""
    done = trac.admin("mailintake", "run", rounds.SERVICE, "--force")
    assert done.status == 0, done.err


@pytest.mark.parametrize(
    ("kind", "afterwards"),
    [
        ("imap", "delete"),
        ("imap", "move:Done"),
        ("pop3", "delete"),
        ("maildir", "delete"),
        ("maildir", "move:Done"),
        ("mbox", "delete"),
        ("directory", "delete"),
        ("directory", "move:done"),
    ],
)
def test_the_outcome_is_flushed_before_the_copy_goes(places: Places, stage: Stage, kind: str, afterwards: str) -> None:
    """Database, archive, attachments, and the folders they are in, for each kind of source."""
    place = places(kind)
    trac, traced = stage(place, afterwards=afterwards)
    run(trac)
    calls = traced.calls()
    check(calls, disposals(calls, place), trac.path)
    assert place.there() == [] or afterwards.startswith("move")


def test_a_copy_on_another_disk_is_flushed_before_the_original_goes(stage: Stage, tmp_path: Path) -> None:
    """The file, and the name that it has there: no order is kept between two disks."""
    place = Directory(tmp_path / "mails")
    with TemporaryDirectory(dir="/dev/shm") as elsewhere:  # another disk, as far as the system knows
        if Path(elsewhere).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("/dev/shm is on the disk of the temporary files")
        trac, traced = stage(place, afterwards=f"move:{elsewhere}")
        run(trac)
        calls = traced.calls()
        gone = [i for i, call in enumerate(calls) if call.name == "unlink" and call.path.startswith(str(place.folder))]
        assert len(gone) == len(mails.LOAD)
        for index in gone:
            named = max(
                i for i in range(index) if calls[i].name == "rename" and calls[i].paths[-1].startswith(elsewhere)
            )
            flushed = [calls[i].path for i in range(index) if calls[i].name == "fsync"]
            assert calls[named].path in flushed
            assert elsewhere in [call.path for call in calls[named:index] if call.name == "fsync"]


def test_the_outcome_is_flushed_before_a_mail_server_is_told(stage: Stage, tmp_path: Path) -> None:
    """What a pipe answers 0 for: nothing comes between the commit and its flush."""
    place = Pipe(tmp_path / "queue")
    trac, traced = stage(place)
    done = trac.admin("mailintake", "deliver", rounds.SERVICE, stdin=mails.LOAD[0])
    assert done.status == 0, done.err
    calls = traced.calls()
    check(calls, second_commits(calls), trac.path)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "settings",
    [
        *(f"journal_mode={mode}" for mode in ("DELETE", "TRUNCATE", "PERSIST", "WAL", "MEMORY")),
        *(f"journal_mode={mode}&synchronous=OFF" for mode in ("DELETE", "TRUNCATE", "PERSIST", "WAL")),
        "synchronous=NORMAL",
        "journal_mode=WAL&synchronous=NORMAL",
    ],
)
def test_the_outcome_is_flushed_whatever_sqlite_is_set_to(stage: Stage, tmp_path: Path, settings: str) -> None:
    """In each journal mode, and where the administrator wanted it quick."""
    place = Maildir(tmp_path / "maildir")
    trac, traced = stage(place, database=f"{PLAIN}?{settings}")
    run(trac)
    calls = traced.calls()
    check(calls, disposals(calls, place), trac.path)


@pytest.mark.sqlite
def test_the_outcome_is_flushed_by_run_now(stage: Stage, tmp_path: Path) -> None:
    """In tracd, whose connections are handed from one request to the next: round after round, with saves between."""
    place = Directory(tmp_path / "mails")
    trac, traced = stage(place)
    trac.grant("admin", "TRAC_ADMIN")
    trac.close()
    with trac.serve("admin") as tracd:
        visitor = tracd.visitor("admin")
        for number in range(4):
            (place.folder / f"later{number}.eml").write_bytes(mails.request(number, attachment=b"notes"))
            page = visitor.post("/admin/mailintake/services", {"run": rounds.SERVICE})
            assert page.status in (200, 303), page.text
            assert place.there() == []
            form = {"field_summary": "By hand", "field_description": "Saved between.", "submit": "Create"}
            assert visitor.post("/newticket", form).status == 303
    calls = traced.calls()
    check(calls, disposals(calls, place), trac.path, 4)


@pytest.mark.sqlite
def test_what_was_killed_before_its_flush_is_flushed_by_the_next_run(stage: Stage, tmp_path: Path) -> None:
    """Its commit is seen by all, and yet not on the disk: nothing goes on the strength of it."""
    lazy = f"{PLAIN}?synchronous=OFF"  # so that nothing else is flushed by chance
    trac, traced = stage(Maildir(tmp_path / "unharmed"), database=lazy)
    run(trac)
    last = recorded(traced.calls())
    place = Maildir(tmp_path / "maildir")
    trac, traced = stage(place, "-e", f"inject=fdatasync:signal=KILL:when={last}", database=lazy)
    before = Disk(trac.path)
    assert trac.admin("mailintake", "run", rounds.SERVICE, "--force").status == -signal.SIGKILL
    killed = traced.calls()
    assert not disposals(killed, place)
    again = Traced(tmp_path)
    trac.python = again.python
    run(trac)
    assert place.there() == []
    calls = [*killed, *again.calls()]
    moments = disposals(calls, place)
    assert moments
    assert not [losing for _, losing in losing_at(before, calls, moments) if losing]


@pytest.mark.parametrize("inject", ["signal=KILL", "error=EIO"])
@pytest.mark.parametrize(("number", "folder"), [(1, "archive"), (2, "archive"), (1, "attachments"), (2, "attachments")])
def test_folders_that_were_made_in_vain_are_flushed_by_the_next_run(
    stage: Stage, tmp_path: Path, inject: str, number: int, folder: str
) -> None:
    """They are there, and not on the disk: who made them was killed before, or was refused."""
    trac, traced = stage(Maildir(tmp_path / "unharmed"), database=PLAIN)
    run(trac)
    flushes = [call for call in traced.calls() if call.name == "fsync"]
    inside = str(trac.path / "files" / folder)
    inside = inside.replace("archive", "mailintake/archive")
    when = [i for i, call in enumerate(flushes, 1) if call.path.startswith(inside) and "." not in call.path[-6:]][
        number - 1
    ]
    place = Maildir(tmp_path / "maildir")
    trac, traced = stage(place, "-e", f"inject=fsync:{inject}:when={when}", database=PLAIN)
    before = Disk(trac.path)
    trac.admin("mailintake", "run", rounds.SERVICE, "--force")
    first = traced.calls()
    assert place.there() != [] or inject == "error=EIO"  # some of what is refused is tried again at once
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=0 WHERE state IN ('free', 'deferred', 'sealed')")
    trac.close()
    again = Traced(tmp_path)
    trac.python = again.python
    run(trac)
    assert place.there() == []
    calls = [*first, *again.calls()]
    assert not [losing for _, losing in losing_at(before, calls, disposals(calls, place)) if losing]


def test_a_copy_elsewhere_has_its_name_before_the_mail_goes(stage: Stage, tmp_path: Path) -> None:
    """On another file system, which writes when it likes."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system")
    place = Directory(tmp_path / "mails")
    with TemporaryDirectory(dir=shared) as target:
        trac, traced = stage(place, afterwards=f"move:{target}/done/here")
        run(trac)
        named = {Path(target), Path(target, "done"), Path(target, "done", "here")}
        waits: set[Path] = set()
        for call in traced.calls():
            if call.name in ("mkdir", "mkdirat", "rename") and not call.failed:
                waits |= named & {Path(call.paths[-1]).parent}
            elif call.name in FLUSHES:
                waits.discard(Path(call.path))
            elif call.name in ("unlink", "unlinkat") and call.path.startswith(str(place.folder)):
                assert not waits
        assert len(list(Path(target, "done", "here").iterdir())) == len(mails.LOAD)


def test_the_journal_is_flushed_before_the_archives_file_goes(stage: Stage, tmp_path: Path) -> None:
    """`purge`: first the row says that the bytes are gone."""
    trac, traced = stage(Maildir(tmp_path / "maildir"))
    run(trac)
    archive = trac.path / "files" / "mailintake" / "archive"
    [batch] = archive.glob("*/*/*/*.mails")
    old = archive / "2020" / "01" / "01"
    old.mkdir(parents=True)
    batch.rename(old / batch.name)
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET archive=%s", (f"archive/2020/01/01/{batch.name}",))
    trac.close()
    assert trac.admin("mailintake", "purge").status == 0
    calls = traced.calls()
    moments = [i for i, call in enumerate(calls) if call.name == "unlink" and call.path.endswith(".mails")]
    check(calls, moments, trac.path)
    assert not (old / batch.name).exists()
