"""What users may do that concerns no ticket is asked of Trac anew every second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trac_mailintake.tracker.rights import FRESH, Rights

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_rights_are_those_of_each_user(sqlite_env: TracEnv) -> None:
    """One user's are not another's, nor a stranger's."""
    sqlite_env.grant("ann", "TICKET_ADMIN")
    rights = Rights(sqlite_env.env)
    for _ in range(2):
        assert "TICKET_ADMIN" in rights.of("ann")("ticket")
        assert "TICKET_ADMIN" not in rights.of("bob")("ticket")
        assert "TICKET_ADMIN" not in rights.of("anonymous")("ticket")


def test_they_are_asked_for_anew_after_a_second(sqlite_env: TracEnv) -> None:
    """For so long an answer is remembered, and no longer."""
    rights = Rights(sqlite_env.env)
    first = rights.of("ann")
    assert rights.of("ann") is first
    time.sleep(FRESH + 0.1)
    assert rights.of("ann") is not first
