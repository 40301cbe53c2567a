"""Which accounts can be made: see `tests/test_createusers.py` for what becomes of them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.test_createusers import SESSIONS
from trac_mailintake.tracker.people.account_manager import Accounts

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

WITHOUT_HASHES = """
import sys

sys.modules["passlib"] = sys.modules["crypt"] = None
from trac.env import open_environment
from trac_mailintake.tracker.people.account_manager import Accounts

env = open_environment(sys.argv[1])
print(Accounts(env).writable)
"""
"""Asks where AccountManager cannot hash a password: Python 3.13 has no crypt."""


def test_no_account_is_promised_where_no_password_can_be_hashed(sqlite_env: TracEnv) -> None:
    """It would be owed for ever; who writes is remembered instead."""
    sqlite_env.set(*SESSIONS)
    words = [sys.executable, "-W", "ignore", "-c", WITHOUT_HASHES, str(sqlite_env.path)]
    said = subprocess.run(words, check=True, capture_output=True, cwd=sqlite_env.path.parent).stdout
    assert said == b"False\n"
    assert Accounts(sqlite_env.env).writable
