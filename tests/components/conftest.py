"""A mailbox beside an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def mailbox(sqlite_env: TracEnv, tmp_path: Path) -> Mailbox:
    """An empty Maildir, with strangers allowed to make tickets and to comment."""
    sqlite_env.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    return Mailbox(sqlite_env, tmp_path / "maildir")
