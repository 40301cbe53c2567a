"""Whose an environment is, and what is said about a file that may not be used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.servers.other_user import OWNER, PIPE, SHARED, acting_as, give, only_root
from trac_mailintake.tracker.file_owner import denied, forbid_root, locked_out, rightful_owner

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = only_root


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An environment of root's as far as files tell, where everybody can get to."""
    for each in (tmp_path, *tmp_path.parents):
        if each.stat().st_uid == 0 and each.stat().st_mode & 0o777 == 0o700:
            each.chmod(0o711)
    path = tmp_path / "env"
    for folder in ("files/mailintake/workers", "files/attachments", "db", "conf"):
        (path / folder).mkdir(parents=True)
    for file in ("VERSION", "db/trac.db", "conf/mailintake.key", "conf/mailintake-reply.key"):
        (path / file).touch()
    return path


@pytest.mark.parametrize("given", ["VERSION", "files", "db"])
def test_root_is_no_owner_where_something_of_tracs_is_anothers(place: Path, given: str) -> None:
    """And is told whose it is; nobody else is asked."""
    assert rightful_owner(str(place)) == ""
    forbid_root(str(place), "file")
    give(place / given, OWNER)
    assert rightful_owner(str(place)) == "nobody"
    with pytest.raises(PermissionError, match="root makes no file in the environment of nobody"):
        forbid_root(str(place), "file")
    with acting_as(PIPE):
        assert rightful_owner(str(place)) == ""


def test_a_folder_that_is_no_environment_is_nobodys(tmp_path: Path) -> None:
    """Trac says what is wrong with it."""
    assert rightful_owner(str(tmp_path / "none")) == ""
    assert rightful_owner(str(tmp_path)) == ""


def test_the_owner_and_root_are_never_locked_out(place: Path) -> None:
    """They may have their own reasons; what they cannot write says so itself."""
    give(place, OWNER)
    (place / "files").chmod(0o500)
    assert locked_out(str(place), "") == ""
    with acting_as(OWNER):
        assert locked_out(str(place), "") == ""


@pytest.mark.parametrize(
    "spoiled", ["files", "files/attachments", "files/mailintake", "files/mailintake/workers", "db", "db/trac.db"]
)
def test_another_user_is_locked_out_by_what_they_cannot_write(place: Path, spoiled: str) -> None:
    """Each by itself; with a share in all of them they are not."""
    give(place, OWNER, SHARED)
    database = str(place / "db/trac.db")
    with acting_as(PIPE, SHARED):
        assert locked_out(str(place), database) == ""
    with acting_as(PIPE):
        assert "run this as nobody" in locked_out(str(place), database)
    (place / spoiled).chmod(0o2750 if (place / spoiled).is_dir() else 0o640)
    with acting_as(PIPE, SHARED):
        assert f"{place / spoiled} belongs to nobody" in locked_out(str(place), database)


def test_another_user_needs_the_keys(place: Path) -> None:
    """Without them a password cannot be read, and no reply address signed."""
    give(place, OWNER, SHARED)
    (place / "conf/mailintake.key").chmod(0o600)
    with acting_as(PIPE, SHARED):
        said = locked_out(str(place), "")
    assert f"{place}/conf/mailintake.key belongs to nobody" in said
    assert "mailintake keys share GROUP" in said


def test_a_new_environment_has_no_folder_for_files(place: Path) -> None:
    """Then it is made in the environment itself."""
    give(place, OWNER, SHARED)
    (place / "files").rename(place / "gone")
    place.chmod(0o2750)
    with acting_as(PIPE, SHARED):
        assert f"{place} belongs to nobody" in locked_out(str(place), "")


def test_a_file_that_may_not_be_used_is_named_with_the_next_step(place: Path) -> None:
    """Its owner, the group, the mode; and what the owner or root has to type."""
    give(place, OWNER)
    workers = place / "files/mailintake/workers"
    give(workers, (0, 0))
    workers.chmod(0o700)
    with acting_as(OWNER):
        said = denied(str(place), str(workers / "d8bf"))
        assert f"{workers}/d8bf may not be used by nobody: {workers} belongs to root (group root, mode 0700)." in said
        assert f"as root, type: chown -R nobody {workers}" in said
    give(workers, OWNER)
    workers.chmod(0o500)
    with acting_as(OWNER):
        assert f"as nobody, type: chmod u+rwX {workers}" in denied(str(place), os.fsencode(workers / "d8bf"))


def test_advice_about_a_file_elsewhere_takes_nothing_from_anybody(place: Path, tmp_path: Path) -> None:
    """Such as a mailbox: it is not to be given away."""
    give(place, OWNER)
    mailbox = tmp_path / "box"
    mailbox.touch(0o600)
    with acting_as(OWNER):
        said = denied(str(place), str(mailbox))
    assert "chown" not in said
    assert said.endswith("let nobody use it.")


def test_who_has_no_name_is_told_by_number(place: Path) -> None:
    """As sudo and chown take it."""
    give(place, PIPE)
    assert rightful_owner(str(place)) == "#54321"
    assert "(group #54321," in denied(str(place), None)
