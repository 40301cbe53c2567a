"""Who may read the keys: both kinds of them agree."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.tracker.config.secrets import SecretError, Secrets
from trac_mailintake.tracker.file_owner import KEY_FILES
from trac_mailintake.tracker.key_files import share, shared_with, too_open
from trac_mailintake.tracker.people.reply_address import load_keys

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

OWN = os.getegid()


def test_keys_are_shared_and_taken_back(sqlite_env: TracEnv) -> None:
    """One that is there, and one that is made later; both are used without a complaint."""
    load_keys(sqlite_env.env)
    share(sqlite_env.env, str(OWN))
    assert shared_with(sqlite_env.env) == OWN
    stored = Secrets(sqlite_env.env).keep("sesame")
    for mode, group in ((0o640, str(OWN)), (0o600, "")):
        share(sqlite_env.env, group)
        for name in KEY_FILES:
            assert stat.S_IMODE((sqlite_env.path / "conf" / name).stat().st_mode) == mode
        assert Secrets(sqlite_env.env).reveal(stored) == "sesame"
        load_keys(sqlite_env.env)
    assert shared_with(sqlite_env.env) is None
    assert "Other users can read" not in sqlite_env.log()


@pytest.mark.parametrize("mode", [0o640, 0o660, 0o604, 0o644, 0o650])
@pytest.mark.parametrize("shared", [False, True])
def test_a_chmod_by_mistake_does_not_count(sqlite_env: TracEnv, mode: int, *, shared: bool) -> None:
    """Only the named group may read, and nobody else do anything: for both keys alike."""
    load_keys(sqlite_env.env)
    stored = Secrets(sqlite_env.env).keep("sesame")
    if shared:
        share(sqlite_env.env, str(OWN))
    for name in KEY_FILES:
        (sqlite_env.path / "conf" / name).chmod(mode)
    well = shared and mode == 0o640
    load_keys(sqlite_env.env)
    assert ("Other users can read" in sqlite_env.log()) is not well
    if well:
        assert Secrets(sqlite_env.env).reveal(stored) == "sesame"
    else:
        with pytest.raises(SecretError, match="others than its owner may read"):
            Secrets(sqlite_env.env).reveal(stored)


def test_another_group_is_not_the_one_that_was_named(sqlite_env: TracEnv) -> None:
    """The file's own group decides."""
    load_keys(sqlite_env.env)
    path = sqlite_env.path / "conf" / KEY_FILES[1]
    share(sqlite_env.env, str(OWN))
    assert not too_open(sqlite_env.env, path.stat())
    with sqlite_env.env.db_transaction as db:
        db("UPDATE system SET value=%s WHERE name='mailintake_keys_group'", (str(OWN + 1),))
    assert too_open(sqlite_env.env, path.stat())


def test_a_group_that_does_not_exist_changes_nothing(sqlite_env: TracEnv) -> None:
    """Its name is what was mistyped."""
    with pytest.raises(KeyError):
        share(sqlite_env.env, "no-such-group")
    assert shared_with(sqlite_env.env) is None
