"""`mailintake keys`: what is said, and what is refused."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_keys_are_shared_and_taken_back_by_command(sqlite_env: TracEnv) -> None:
    """The key of the reply addresses is made, if need be."""
    key = sqlite_env.path / "conf" / "mailintake-reply.key"
    done = sqlite_env.command("mailintake", "keys", "share", str(os.getegid()))
    assert (done.status, "may read the keys" in done.out) == (0, True)
    assert stat.S_IMODE(key.stat().st_mode) == 0o640
    assert sqlite_env.command("mailintake", "keys", "private").status == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_group_that_does_not_exist_is_refused(sqlite_env: TracEnv) -> None:
    """By its name."""
    done = sqlite_env.command("mailintake", "keys", "share", "no-such-group")
    assert done.status == 2
    assert "There is no group no-such-group on this host." in done.err
