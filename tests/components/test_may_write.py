"""Commands that write are refused to whoever could not go on with what they leave."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from trac.admin.api import AdminCommandError

from tests.servers.other_user import OWNER, PIPE, acting_as, give, only_root, open_to_all
from trac_mailintake.components.may_write import looking, refusal, roots_command, writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def trac(sqlite_env: TracEnv) -> Iterator[TracEnv]:
    """Where every user can get to."""
    with open_to_all(sqlite_env) as copy:
        assert copy.env
        yield copy


def test_whoever_owns_it_may_write(trac: TracEnv) -> None:
    """The block is entered."""
    with writing(trac.env, "mailintake", "run"):
        entered = True
    assert entered


@only_root
@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["mailintake", "run"], "mailintake run"),
        (["mailintake", "server", "add", "x", "password=sesame"], "mailintake server add x password=..."),
        (["mailintake", "service", "remove", "a b"], "mailintake service remove 'a b'"),
    ],
)
def test_root_is_told_what_to_type_and_no_secret(trac: TracEnv, words: list[str], typed: str) -> None:
    """So that a shell takes it as it stands."""
    give(trac.path / "VERSION", OWNER)
    assert roots_command(str(trac.path), "trac-admin", words).endswith(
        f" Type: sudo -u nobody trac-admin {trac.path} {typed}"
    )
    with pytest.raises(AdminCommandError, match="belongs to nobody"), writing(trac.env, *words):
        raise AssertionError


@only_root
@pytest.mark.parametrize(
    ("called", "shown"),
    [
        ("/usr/bin/trac-admin", "trac-admin"),
        ("/opt/my trac/bin/trac-admin", "'/opt/my trac/bin/trac-admin'"),
        ("trac-admin", "trac-admin"),
        ("/usr/lib/python3/trac/admin/console.py", "trac-admin"),
    ],
)
def test_a_program_in_a_virtual_environment_is_named_by_its_path(trac: TracEnv, called: str, shown: str) -> None:
    """Since sudo does not search there."""
    give(trac.path / "VERSION", OWNER)
    before, sys.argv = sys.argv, [called]
    try:
        assert f"sudo -u nobody {shown} {trac.path} mailintake run" in refusal(trac.env, ["mailintake", "run"])
    finally:
        sys.argv = before


@only_root
def test_another_user_is_refused_for_the_database(trac: TracEnv) -> None:
    """The SQLite file is found, however trac.ini writes it."""
    give(trac.path, OWNER)
    for each in ("files", "files/attachments"):
        (trac.path / each).mkdir(exist_ok=True)
        (trac.path / each).chmod(0o777)
    with acting_as(PIPE):
        assert f"{trac.path}/db belongs to nobody" in refusal(trac.env, ["mailintake", "run"])


def test_a_file_that_may_not_be_used_is_one_sentence(trac: TracEnv) -> None:
    """Not the name of an exception; one without a file is left as it is."""
    with pytest.raises(AdminCommandError, match=f"{trac.path}/conf may not be used by"), looking(trac.env):
        raise PermissionError(13, os.strerror(13), f"{trac.path}/conf")
    with pytest.raises(PermissionError, match="nothing to do with files"), looking(trac.env):
        raise PermissionError("nothing to do with files")
