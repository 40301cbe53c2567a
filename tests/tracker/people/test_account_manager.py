"""Which accounts can be made: see `tests/test_createusers.py` for what becomes of them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.test_createusers import SESSIONS
from trac_mailintake.tracker.people.account_manager import Accounts

if TYPE_CHECKING:
    from pathlib import Path

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
    """The account would be due for ever, so newcomers are only remembered."""
    sqlite_env.set(*SESSIONS)
    words = [sys.executable, "-W", "ignore", "-c", WITHOUT_HASHES, str(sqlite_env.path)]
    said = subprocess.run(words, check=True, capture_output=True, cwd=sqlite_env.path.parent).stdout
    assert said == b"False\n"
    assert Accounts(sqlite_env.env).writable


BROKEN = """
import sys

from trac_mailintake.tracker.people.account_manager import Accounts

print(Accounts(None).writable, repr(Accounts(None).reset_link()))
try:
    Accounts(None).make("joe", "Joe", "joe@example.net")
except LookupError as error:
    print(error)
"""


@pytest.mark.parametrize("failure", ["raise ImportError('no crypt')", "raise AttributeError('another Trac')", "("])
def test_an_account_manager_that_cannot_be_imported_is_none(tmp_path: Path, failure: str) -> None:
    """Whatever is wrong with it, such as an upgrade half done: who writes is remembered, and mail goes on."""
    (tmp_path / "acct_mgr").mkdir()
    (tmp_path / "acct_mgr" / "__init__.py").write_text(f"{failure}\n", encoding="utf-8")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{BROKEN}"
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True).stdout
    assert said == b"False ''\nAccountManager is not enabled.\n"
