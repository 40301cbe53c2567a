"""Which accounts can be made: see `tests/test_createusers.py` for what becomes of them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from trac.ticket.model import Ticket

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


FAILING = """
from acct_mgr.api import IAccountChangeListener
from trac.core import Component, implements


class Failing(Component):
    implements(IAccountChangeListener)

    def user_created(self, user, password):
        raise RuntimeError("no mail to the administrators")
"""


REFUSING = """
from acct_mgr.api import IPasswordStore
from trac.core import Component, implements


class RefusingStore(Component):
    implements(IPasswordStore)

    def get_users(self):
        return []

    def has_user(self, user):
        return False

    def check_password(self, user, password):
        return None

    def set_password(self, user, password, old_password=None, overwrite=True):
        raise RuntimeError("the directory is read-only")

    def delete_user(self, user):
        return False
"""


@pytest.fixture
def trac(sqlite_env: TracEnv) -> TracEnv:
    """AccountManager with a store in Trac's sessions."""
    sqlite_env.set(*SESSIONS, ("account-manager", "username_regexp", "(?i)^[a-z0-9._-]{3,}$"))
    sqlite_env.upgrade()
    return sqlite_env


def users(trac: TracEnv) -> dict[str, tuple[str, str]]:
    """Name and address of each user."""
    return {username: (name, email) for username, name, email in trac.env.get_known_users()}


def test_an_account_is_made_once_and_has_its_owners_address(trac: TracEnv) -> None:
    """Repeating it changes nothing: an attempt may have been interrupted after it."""
    Accounts(trac.env).make("joe", "Joe", "joe@example.net")
    Accounts(trac.env).make("joe", "Another", "JOE@example.net")
    assert users(trac.reopen() and trac) == {"joe": ("Joe", "joe@example.net")}
    with pytest.raises(LookupError, match=r"not that of bob@example\.net"):
        Accounts(trac.env).make("joe", "Bob", "bob@example.net")


def test_a_listener_that_fails_takes_no_account_away(trac: TracEnv) -> None:
    """It is there, and the failure is in the log."""
    (trac.path / "plugins" / "failing_listener.py").write_text(FAILING, encoding="utf-8")
    trac.set(("components", "failing_listener.*", "enabled"))
    Accounts(trac.env).make("joe", "Joe", "joe@example.net")
    assert "joe" in users(trac.reopen() and trac)
    assert "no mail to the administrators" in trac.log()


def test_an_account_that_no_store_takes_leaves_nothing(trac: TracEnv) -> None:
    """Neither a session nor an address, by which the next From would be taken for a user."""
    (trac.path / "plugins" / "refusing_store.py").write_text(REFUSING, encoding="utf-8")
    trac.set(("components", "refusing_store.*", "enabled"), ("account-manager", "password_store", "RefusingStore"))
    with pytest.raises(RuntimeError, match="the directory is read-only"):
        Accounts(trac.env).make("joe", "Joe", "joe@example.net")
    assert users(trac.reopen() and trac) == {}
    assert trac.query("SELECT COUNT(*) FROM session_attribute WHERE sid='joe'") == [(0,)]


def test_a_mark_waits_for_the_administrator_where_one_must_approve(trac: TracEnv) -> None:
    """As for an account that somebody registers in the web."""
    trac.set(("account-manager", "require_approval", "enabled"))
    Accounts(trac.env).make("joe", "", "joe@example.net")
    mark = "SELECT value FROM session_attribute WHERE sid='joe' AND name='approval'"
    assert trac.query(mark) == [("pending",)]


def test_the_link_to_a_password_is_there_where_passwords_can_be_reset(trac: TracEnv) -> None:
    """Otherwise the mail does not promise it."""
    assert Accounts(trac.env).reset_link() == "http://trac.example.org/reset_password"
    trac.set(("account-manager", "reset_password", "false"))
    assert Accounts(trac.env).reset_link() == ""


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("Joe.Doe@example.net", "joe.doe"),
        ("joe+lists@example.net", "joe"),
        ("j@example.net", "j.example"),
        ("admin@example.net", "admin.example"),
        ("reporter@example.net", "reporter.example"),
        ("team@example.net", "team.example"),
        ("joe-doe-@example.net", "joe-doe"),
        (f"{'a' * 80}@example.net", "a" * 60),
    ],
)
def test_a_name_is_made_of_the_address_and_has_never_been_anybodys(trac: TracEnv, address: str, name: str) -> None:
    """Not even of somebody who is gone, whose tickets are there; nor of a group."""
    trac.grant("admin", "TRAC_ADMIN")
    trac.grant("team", "TICKET_CREATE")
    ticket = Ticket(trac.env)
    ticket["summary"], ticket["reporter"] = "Old", "reporter"
    ticket.insert()
    assert Accounts(trac.env).free_name(address) == name


def test_of_many_with_one_name_each_has_another(trac: TracEnv) -> None:
    """Numbers at last; in the end nothing, rather than anybody else's name."""
    trac.set(("account-manager", "username_regexp", "^joe"))
    found = []
    for _ in range(5):
        found.append(Accounts(trac.env).free_name("joe@example.net"))
        trac.grant(found[-1], "TICKET_VIEW")
    assert found == ["joe", "joe.example", "joe.example.net", "joe.example.net.2", "joe.example.net.3"]
    trac.set(("account-manager", "username_regexp", "^nobody$"))
    assert Accounts(trac.env).free_name("joe@example.net") == ""


def test_whether_a_store_can_be_written_is_asked_of_the_disk(trac: TracEnv) -> None:
    """A password file in a folder that is not there; and no store at all, or only that of temporary passwords."""
    stores = (("SessionStore", True), ("ResetPwStore", False), ("", False))
    for store, writable in stores:
        trac.set(("account-manager", "password_store", store))
        assert Accounts(trac.env).writable is writable, store
    path = trac.path / "nowhere" / "accounts"
    trac.set(("account-manager", "password_store", "HtPasswdStore"), ("account-manager", "htpasswd_file", str(path)))
    assert not Accounts(trac.env).writable
    path.parent.mkdir()
    assert Accounts(trac.env).writable
