"""The archive keeps each mail as it came, in a batch that is whole or says why it cannot be."""

from __future__ import annotations

import hashlib
import re
import resource
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import DELIVERY
from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.intake.ports import TooLarge
from trac_mailintake.tracker.archive import records, store
from trac_mailintake.tracker.archive.store import FileArchive
from trac_mailintake.tracker.workers import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def worker(shared_env: TracEnv) -> Iterator[Worker]:
    """A worker with a name of its own, as each test has."""
    made = Worker(shared_env.env)
    yield made
    made.close()


@pytest.fixture
def archive(shared_env: TracEnv, worker: Worker) -> FileArchive:
    """The archive, for that worker."""
    return FileArchive(shared_env.env, worker)


def batches(trac: TracEnv, worker: Worker) -> list[Path]:
    """The files of a worker."""
    return sorted((trac.path / "files" / "mailintake" / "archive").glob(f"*/*/*/{worker.owner}-*"))


def mails_of(batch: Path) -> list[bytes]:
    """The mails of a batch, by its records."""
    return [each.raw.read() for each in records.read(str(batch))]


def test_the_lock_is_let_go(shared_env: TracEnv) -> None:
    """At the end of its block; while it is held, nobody waits for it."""
    for _ in range(2):
        with store.alone(shared_env.env) as first, store.alone(shared_env.env) as second:
            assert (first, second) == (True, False)


MAILS = st.lists(st.lists(st.binary(max_size=200), max_size=5), min_size=1, max_size=5)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MAILS)
def test_each_mail_is_there_as_it_came(
    shared_env: TracEnv, worker: Worker, archive: FileArchive, mails: list[list[bytes]]
) -> None:
    """Behind the others in one file; by its slice, by what the journal keeps of it, and by its record."""
    batch = archive.begin(range(len(mails)))
    kept = [batch.append(replace(DELIVERY, id=number, fence=7), mail) for number, mail in enumerate(mails)]
    batch.flush()
    for mail, (raw, sha256) in zip(mails, kept, strict=True):
        assert raw.read() == b"".join(mail)
        assert sha256 == hashlib.sha256(b"".join(mail)).hexdigest()
    batch.seal()
    file = max(batches(shared_env, worker), key=lambda path: int(path.stem.rpartition("-")[2]))
    assert file.stat().st_mode & 0o007 == 0
    found = records.read(str(file))
    assert [(each.record.delivery, each.record.fence, each.raw, each.record.sha256) for each in found] == [
        (number, 7, raw, sha256) for number, (raw, sha256) in enumerate(kept)
    ]
    name = store.stored(shared_env.env, str(file))
    again = [store.found(shared_env.env, name, each.offset, each.raw.length).read() for each in found]
    assert again == [b"".join(mail) for mail in mails]


def test_batches_lie_by_the_day_under_the_name_of_their_worker(
    shared_env: TracEnv, worker: Worker, archive: FileArchive
) -> None:
    """The worker's note has each before it is made, so that it is found whoever dies."""
    days = {f"{datetime.now(UTC):%Y/%m/%d}"}
    for number in (1, 2):
        archive.begin([number]).seal()
        batch = archive.begin([number])
        batch.append(DELIVERY, [b"a"])
        batch.seal()
    days.add(f"{datetime.now(UTC):%Y/%m/%d}")
    files = batches(shared_env, worker)
    assert [path.name for path in files] == [f"{worker.owner}-2.mails", f"{worker.owner}-4.mails"]
    assert {"/".join(path.parts[-4:-1]) for path in files} <= days
    assert list(store.batches_of(shared_env.env, worker.owner)) == [
        store.stored(shared_env.env, str(path)) for path in files
    ]
    assert all(any(path.name in note for note in worker.notes) for path in files)
    assert list(store.batches_of(shared_env.env, "0" * 32)) == []


def test_a_batch_without_mail_leaves_no_file(shared_env: TracEnv, worker: Worker, archive: FileArchive) -> None:
    """As if it had not been begun."""
    batch = archive.begin([1])
    assert len(batches(shared_env, worker)) == 1
    batch.seal()
    assert batches(shared_env, worker) == []


def cut_off() -> Iterator[bytes]:
    """A mail of which the connection broke."""
    yield b"half of a mail longer than all that comes behind it, records included. " * 20
    raise ConnectionResetError


@pytest.mark.parametrize("first", [[], [b"the first"]])
def test_of_a_mail_that_did_not_come_whole_nothing_is_kept(
    shared_env: TracEnv, worker: Worker, archive: FileArchive, first: list[bytes]
) -> None:
    """Too large, or cut off in the middle: the one before and the one behind it are as if it had never come."""
    batch = archive.begin([1, 2, 3, 4])
    before, _ = batch.append(DELIVERY, first)
    with pytest.raises(ConnectionResetError):
        batch.append(DELIVERY, cut_off())
    with pytest.raises(TooLarge, match="limit of 9 bytes"):
        batch.append(DELIVERY, [b"12345", b"67890"], limit=9)
    behind, _ = batch.append(DELIVERY, [b"12345", b"6789"], limit=9)
    batch.seal()
    assert (before.read(), behind.read()) == (b"".join(first), b"123456789")
    [file] = batches(shared_env, worker)
    assert mails_of(file) == [b"".join(first), b"123456789"]
    assert [each for each in records.walk(str(file)) if isinstance(each, records.Gap)] == []


@contextmanager
def no_file_larger_than(octets: int) -> Iterator[None]:
    """The kernel refuses to write more into any file of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("step", ["append", "flush", "seal"])
def test_a_disk_that_takes_no_more_is_told_of_and_passes(
    shared_env: TracEnv, worker: Worker, archive: FileArchive, step: str
) -> None:
    """Whenever it is noticed; the reason names the file, and says where the mail is meanwhile."""
    batch = archive.begin([1])
    mail = bytes(100_000 if step == "append" else 5_000)  # a small one waits in memory until it is flushed

    def write() -> None:
        batch.append(DELIVERY, [mail])
        getattr(batch, step)()

    with no_file_larger_than(4096), pytest.raises(TemporaryFailure) as caught:
        write()
    assert re.fullmatch(
        rf"The archive cannot be written \(\S+/{worker.owner}-1.mails\): File too large. "
        r"Mail stays in its mailbox until it can\.",
        str(caught.value),
    )
    left = batches(shared_env, worker)
    assert len(left) == (step != "seal"), "a batch that cannot be sealed is removed"
    assert [file for file in left if file.stat().st_size > 4096 or records.read(str(file))] == []


def test_an_archive_that_cannot_be_made_is_told_of(sqlite_env: TracEnv) -> None:
    """Something else lies where its folder shall be. Once it is gone, the next batch is begun."""
    made = Worker(sqlite_env.env)
    folder = sqlite_env.path / "files" / "mailintake" / "archive"
    folder.write_text("in the way")
    archive = FileArchive(sqlite_env.env, made)
    with pytest.raises(TemporaryFailure, match=r"^The archive cannot be written \(archive/\d{4}/"):
        archive.begin([1])
    folder.unlink()
    batch = archive.begin([1])
    batch.append(DELIVERY, [b"a"])
    batch.seal()
    made.close()
    assert len(batches(sqlite_env, made)) == 1


def test_what_the_journal_names_may_be_lost(shared_env: TracEnv, worker: Worker, archive: FileArchive) -> None:
    """By the whole file, or by its end; removing what is gone is no error, and others stay."""
    env = shared_env.env
    first, second = (archive.begin([number]) for number in (1, 2))
    raw, _ = first.append(DELIVERY, [b"12345"])
    second.append(DELIVERY, [b"another"])
    first.seal()
    second.seal()
    name = store.stored(env, raw.path)
    store.flush(raw.path)
    end = raw.offset + 5
    assert store.there(env, name, end)
    with Path(raw.path).open("r+b") as file:
        file.truncate(end - 1)
    assert not store.there(env, name, end)
    assert store.there(env, name, end - 1)
    for _ in range(2):
        store.remove(env, name)
        assert not store.there(env, name, 0)
    assert len(batches(shared_env, worker)) == 1
    with pytest.raises(FileNotFoundError):
        store.flush(raw.path)
