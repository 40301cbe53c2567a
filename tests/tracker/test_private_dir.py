"""Folders of intake: private, and there after a power cut."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.servers.other_user import OWNER, PIPE, SHARED, acting_as, only_root
from trac_mailintake.tracker.private_dir import (
    create,
    flush_chain,
    flush_chains,
    flush_folder,
    make_folder,
    private_folder,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o777, 0o2775])
def test_what_is_made_has_the_groups_rights_and_none_for_others(tmp_path: Path, umask: int, mode: int) -> None:
    """As its folder has them, whatever the umask: each folder above it too, as far as it had to be made."""
    top = tmp_path / "top"
    top.mkdir()
    os.chown(top, -1, os.getegid())
    top.chmod(mode)
    before = os.umask(umask)
    try:
        make_folder(str(top / "a" / "b"))
        os.close(create(str(top / "a" / "b" / "file"), os.O_WRONLY))
    finally:
        os.umask(before)
    for each in (top / "a", top / "a" / "b"):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700 | mode & 0o2070
    assert stat.S_IMODE((top / "a" / "b" / "file").stat().st_mode) == 0o600 | mode & 0o060


@only_root
def test_the_group_is_that_of_the_folder_or_has_no_rights(tmp_path: Path) -> None:
    """Who is not in the folder's group cannot give it anything, and gives their own group nothing instead."""
    for each in (tmp_path, *tmp_path.parents):
        if each.stat().st_uid == 0 and each.stat().st_mode & 0o777 == 0o700:
            each.chmod(0o711)
    top = tmp_path / "top"
    top.mkdir()
    os.chown(top, PIPE[0], SHARED)
    top.chmod(0o770)
    for groups, expected in (((SHARED,), (SHARED, 0o770, 0o660)), ((), (PIPE[1], 0o700, 0o600))):
        folder = top / f"in{len(groups)}"
        with acting_as(PIPE, *groups):
            make_folder(str(folder))
            os.close(create(str(folder / "file"), os.O_WRONLY | os.O_EXCL))
        found, file = folder.stat(), (folder / "file").stat()
        assert (found.st_gid, stat.S_IMODE(found.st_mode), stat.S_IMODE(file.st_mode)) == expected


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    """Neither to a file, which would be emptied, nor to one that is not there."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    link = tmp_path / "link"
    for target in (victim, tmp_path / "none"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
            os.close(create(str(link), os.O_WRONLY | os.O_TRUNC))
    assert victim.read_text() == "precious"
    assert not (tmp_path / "none").exists()


def test_a_file_that_is_there_is_opened_as_it_is(tmp_path: Path) -> None:
    """Unless it must be a new one."""
    path = tmp_path / "file"
    path.write_text("there")
    path.chmod(0o604)
    with os.fdopen(create(str(path), os.O_RDONLY)) as file:
        assert file.read() == "there"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    with pytest.raises(FileExistsError):
        create(str(path), os.O_WRONLY | os.O_EXCL)


@only_root
def test_root_makes_no_folder_in_anothers_environment(shared_env: TracEnv) -> None:
    """One that is there may be used."""
    there = private_folder(shared_env.env, "there")
    assert private_folder(shared_env.env, "there") == there
    version = shared_env.path / "VERSION"
    os.chown(version, *OWNER)
    try:
        assert private_folder(shared_env.env, "there") == there
        with pytest.raises(PermissionError):
            private_folder(shared_env.env, "new")
    finally:
        os.chown(version, 0, 0)


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """With what is in it, and its mode."""
    folder = tmp_path / "there"
    folder.mkdir(0o750)
    (folder / "file").touch()
    make_folder(str(folder))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert [each.name for each in folder.iterdir()] == ["file"]


def test_a_folder_in_a_file_cannot_be_made(tmp_path: Path) -> None:
    """And nothing is left of the attempt."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is looked at
        make_folder(str(tmp_path / "file" / "inside" / "deeper"))
    assert caught.value.errno in (errno.ENOTDIR, errno.EEXIST)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_folder_cannot_be_made_where_a_file_lies(tmp_path: Path) -> None:
    """It is said at once, and not by whoever puts something into it."""
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_folder(str(tmp_path / "file"))


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
