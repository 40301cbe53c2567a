"""Folders of intake: private, and there after a power cut."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.tracker.private_dir import flush_chain, flush_chains, flush_folder, make_folder, private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_folder_is_its_owners_whatever_the_umask(shared_env: TracEnv, umask: int) -> None:
    """Each of those above it too, as far as it had to be made."""
    before = os.umask(umask)
    try:
        path = private_folder(shared_env.env, f"umask{umask}", "inside")
    finally:
        os.umask(before)
    assert path == os.path.join(shared_env.env.files_dir, "mailintake", f"umask{umask}", "inside")
    for each in (path, os.path.dirname(path)):
        assert stat.S_IMODE(os.stat(each).st_mode) == 0o700
    assert private_folder(shared_env.env, f"umask{umask}", "inside") == path


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """With what is in it, and its mode."""
    folder = tmp_path / "there"
    folder.mkdir(0o750)
    (folder / "file").touch()
    make_folder(str(folder), 0o700)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert [each.name for each in folder.iterdir()] == ["file"]


def test_a_folder_in_a_file_cannot_be_made(tmp_path: Path) -> None:
    """And nothing is left of the attempt."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is looked at
        make_folder(str(tmp_path / "file" / "inside" / "deeper"))
    assert caught.value.errno in (errno.ENOTDIR, errno.EEXIST)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_chain_is_flushed_up_to_its_top_and_each_folder_once(tmp_path: Path) -> None:
    """The folders above are known then; the folder itself is not, since more may be put beside it."""
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    known: set[str] = set()
    flush_chain(str(tmp_path), str(deep), known)
    assert known == {str(tmp_path / "a"), str(tmp_path / "a" / "b")}
    (tmp_path / "a").rename(tmp_path / "moved")
    (tmp_path / "moved").rename(tmp_path / "a")
    flush_chain(str(tmp_path), str(deep.parent), known)
    assert known == {str(tmp_path / "a"), str(tmp_path / "a" / "b")}


def test_several_chains_are_flushed_together(tmp_path: Path) -> None:
    """Each folder itself, whatever is known of those above it; what fails makes none known."""
    known: set[str] = set()
    folders = [tmp_path / "a" / each for each in "bcd"]
    for each in folders[:2]:
        each.mkdir(parents=True)
    flush_chains(str(tmp_path), map(str, folders[:2]), known)
    assert known == {str(tmp_path / "a")}
    with pytest.raises(FileNotFoundError):
        flush_chains(str(tmp_path), map(str, folders), known)
    with pytest.raises(FileNotFoundError):
        flush_chains(str(tmp_path), [str(tmp_path / "e" / "f")], known)
    assert known == {str(tmp_path / "a")}


def test_what_cannot_be_flushed_is_said(tmp_path: Path) -> None:
    """A folder that is gone, and a file in its place."""
    with pytest.raises(FileNotFoundError):
        flush_folder(str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError):
        flush_chain(str(tmp_path), str(tmp_path / "gone" / "inside"), set())
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        flush_folder(str(tmp_path / "file"))
