"""Files of the local sources: names, moves, and what is no regular file."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Answer
from trac_mailintake.sources.local import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: not set(name) & set(b"/\0"))


@given(NAMES)
def test_any_name_is_a_locator_and_back(name: bytes) -> None:
    """Locators are text for a database; two names never have the same one."""
    locator = files.to_locator(os.fsdecode(name))
    assert os.fsencode(files.to_name(locator)) == name
    locator.encode("utf-8")
    assert locator.isprintable()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ENOENT, "does not exist; correct the service's path"),
        (errno.ENOTDIR, "does not exist"),
        (errno.EACCES, "may not be read or written"),
        (errno.ENOSPC, "no space is left for"),
        (errno.EIO, "Input/output error; look at that path"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(code: int, sentence: str) -> None:
    """As an error of the round, or as the reply about one message, which stays."""
    error = OSError(code, os.strerror(code), "/mail/new/1")
    with pytest.raises(SourceError) as caught, files.told("support", "/mail"):
        raise error
    assert str(caught.value).startswith("support: ")
    assert sentence in str(caught.value)
    assert "/mail/new/1" in str(caught.value)
    reply = files.kept("support", "/mail", OSError(code, os.strerror(code)))
    assert (reply.answer, reply.fault) == (Answer.TRANSIENT, True)
    assert "/mail" in reply.reason


def test_only_regular_files_count(tmp_path: Path) -> None:
    """No links, FIFOs or folders: they may lead anywhere, or wait for ever."""
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    assert [(each.name, each.size) for each in files.entries(str(tmp_path))] == [("file", 3)]
    assert files.entry(str(tmp_path), "none") is None
    os.close(files.open_regular(str(tmp_path / "file")))
    for name in ("link", "folder", "fifo"):
        with pytest.raises(OSError, match=r"Too many levels|not a regular file|directory"):
            files.open_regular(str(tmp_path / name))


@pytest.mark.parametrize("size", [0, 1, 300_000, 600_000])
def test_a_part_of_a_file_is_read_in_chunks(tmp_path: Path, size: int) -> None:
    """As far as the file goes, whatever was asked for."""
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    descriptor = files.open_regular(str(tmp_path / "file"))
    try:
        assert b"".join(files.chunks(descriptor)) == content
        assert b"".join(files.chunks(descriptor, 10, 280_000)) == content[10:280_010]
        assert b"".join(files.chunks(descriptor, 0, size + 10)) == content
    finally:
        os.close(descriptor)
    assert files.digest(str(tmp_path / "file")) == hashlib.sha256(content).hexdigest()


@pytest.fixture(params=["same disk", "another disk"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder that files are moved to; on another disk a link cannot be made."""
    if request.param == "same disk":
        (tmp_path / "target").mkdir()
        yield tmp_path / "target"
        return
    shm = f"/dev/shm/mailintake-{os.getpid()}"
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no second file system (/dev/shm)")
    os.mkdir(shm)
    yield type(tmp_path)(shm)
    for each in os.listdir(shm):
        os.unlink(os.path.join(shm, each))
    os.rmdir(shm)


@pytest.mark.parametrize(("name", "second", "third"), [("a.eml", "a.1.eml", "a.2.eml"), ("a", "a.1", "a.2")])
def test_a_move_overwrites_nothing(tmp_path: Path, target: Path, name: str, second: str, third: str) -> None:
    """Another file of this name stays, and ours gets a number; the same bytes are an interrupted move."""
    for content in (b"one", b"two", b"two", b"three"):
        (tmp_path / "mail").write_bytes(content)
        files.move(str(tmp_path / "mail"), str(target), name)
        assert not (tmp_path / "mail").exists()
    assert {each.name: each.read_bytes() for each in target.iterdir()} == {
        name: b"one",
        second: b"two",
        third: b"three",
    }


def test_a_move_writes_through_no_link(tmp_path: Path, target: Path) -> None:
    """Others may write into the target, and put a link there."""
    (tmp_path / "mail").write_bytes(b"mail")
    (tmp_path / "victim").write_bytes(b"victim")
    (target / "a.eml").symlink_to(tmp_path / "victim")
    (target / f".mailintake-{os.getpid()}.tmp").symlink_to(tmp_path / "victim")
    files.move(str(tmp_path / "mail"), str(target), "a.eml")
    assert (tmp_path / "victim").read_bytes() == b"victim"
    assert (target / "a.1.eml").read_bytes() == b"mail"


def test_folders_are_made_with_their_parents(tmp_path: Path) -> None:
    """Once."""
    made = tmp_path / "one" / "two" / "three"
    for _ in range(2):
        files.make_folder(str(made), 0o700)
        assert made.stat().st_mode & 0o777 == 0o700
