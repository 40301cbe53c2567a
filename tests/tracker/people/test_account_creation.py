"""Accounts that were promised are made, once, whatever happens meanwhile, and their owners are told."""

from __future__ import annotations

import fcntl
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, mail
from tests.test_createusers import SESSIONS, contacts, file_store, manager, members_only, reporters
from trac_mailintake.tracker.people.account_creation import keep_promises

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv

KILLER = '''
"""Kills the process as soon as an account is made, once."""

import os
import signal

from acct_mgr.api import IAccountChangeListener
from trac.core import Component, implements


class Killer(Component):
    implements(IAccountChangeListener)

    def user_created(self, user, password):
        try:
            os.close(os.open(os.path.join(self.env.path, "killed"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)
'''


OTHER = '''
"""Once an account is made here, the others are noted as made, as by a process on another host."""

from acct_mgr.api import IAccountChangeListener
from trac.core import Component, implements


class Other(Component):
    implements(IAccountChangeListener)

    def user_created(self, user, password):
        with self.env.db_transaction as db:
            db("UPDATE mailintake_contact SET made=1 WHERE username<>%s", (user,))
'''


@pytest.fixture(params=["sessions", "htpasswd"])
def rig(request: pytest.FixtureRequest, sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service with `createusers`, AccountManager with a store that can be written, and tickets for members only."""
    sqlite_env.set(*(SESSIONS if request.param == "sessions" else file_store(sqlite_env)))
    sqlite_env.upgrade()
    made = Rig(sqlite_env, tmp_path, createusers="true")
    members_only(made)
    return made


def test_the_account_is_told_of_without_a_password(rig: Rig, smtp_sink: SmtpSink) -> None:
    """The owner chooses a password with the link. The notice is sent once, and not with notifyusers=false."""
    rig.trac.notify_through(smtp_sink)
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    rig.run()
    [told] = [each for each in smtp_sink.sent if "account" in str(each.message["Subject"])]
    notice = told.message
    text = notice.get_content()
    assert told.recipients == ("ann.example@example.com",)
    assert "Username: ann.example" in text
    assert "http://trac.example.org/reset_password" in text
    assert "Password:" not in text
    assert (notice["Auto-Submitted"], notice["Precedence"]) == ("auto-replied", "bulk")
    smtp_sink.reset()
    rig.set(notifyusers="false")
    rig.drop(mail(sender="bob.example@example.com"))
    rig.run()
    assert reporters(rig.trac)[-1] == "bob.example"
    assert not [each for each in smtp_sink.sent if "account" in str(each.message["Subject"])]


def test_the_link_leads_to_a_password(rig: Rig, smtp_sink: SmtpSink) -> None:
    """On AccountManager's own page, with the username and the address: only who reads that mailbox gets in."""
    rig.trac.notify_through(smtp_sink)
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    smtp_sink.reset()
    with rig.trac.serve() as tracd:
        form = {"username": "ann.example", "email": "ann.example@example.com"}
        assert tracd.visitor().post("/reset_password", form).status in (200, 302, 303)
    [told] = smtp_sink.sent
    body = told.message.get_body(("plain",))
    assert body is not None
    [password] = re.findall(r"Password: (\S+)", body.get_content())
    assert told.recipients == ("ann.example@example.com",)
    rig.trac.reopen()
    assert manager(rig.trac).check_password("ann.example", password)


def test_a_crash_before_the_account_is_made_only_delays_it(rig: Rig) -> None:
    """The mail is filed, the account owed; the next run makes it, once, whatever was done of it already."""
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    for undone in ("made=0", "made=0, lease=0, attempts=1"):
        with rig.trac.env.db_transaction as db:
            db(f"UPDATE mailintake_contact SET {undone}")
        assert rig.trac.command("mailintake", "run").status == 0
        rig.trac.reopen()
        assert contacts(rig.trac) == [("ann.example@example.com", "Ann", "ann.example", True)]
    manager(rig.trac).delete_user("ann.example")
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_contact SET made=0")
    assert keep_promises(rig.trac.env) == 1
    assert manager(rig.trac).has_user("ann.example")


def test_a_run_that_is_killed_while_it_makes_an_account_makes_it_once(rig: Rig, smtp_sink: SmtpSink) -> None:
    """The account is there, but nobody noted it: the next run does, and tells its owner, once."""
    rig.trac.notify_through(smtp_sink)
    (rig.trac.path / "plugins").mkdir(exist_ok=True)
    (rig.trac.path / "plugins" / "killer.py").write_text(KILLER, encoding="utf-8")
    rig.drop(mail(sender="ann.example@example.com"))
    rig.trac.close()
    assert rig.trac.admin("mailintake", "run", "--force").status == -signal.SIGKILL
    (rig.trac.path / "plugins" / "killer.py").unlink()
    assert contacts(rig.trac) == [("ann.example@example.com", "Ann", "ann.example", False)]
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_contact SET lease=0")  # time goes by
    rig.trac.close()
    for _ in range(2):
        finished = rig.trac.admin("mailintake", "run", "--force")
        assert finished.status == 0, finished.err
    assert contacts(rig.trac) == [("ann.example@example.com", "Ann", "ann.example", True)]
    assert list(manager(rig.trac).get_users()).count("ann.example") == 1
    assert len(rig.trac.tickets()) == 1
    assert len([each for each in smtp_sink.sent if "account" in str(each.message["Subject"])]) == 1


def test_an_account_that_cannot_be_made_is_tried_again(rig: Rig) -> None:
    """The mail is filed all the same; the reason is kept."""
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    manager(rig.trac).delete_user("ann.example")
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_contact SET made=0")
    rig.trac.set(("account-manager", "password_store", ""))
    assert keep_promises(rig.trac.env) == 0
    [(failure, attempts)] = rig.trac.query("SELECT failure, attempts FROM mailintake_contact")
    assert failure
    assert attempts == 2


def owe(rig: Rig, *addresses: str) -> None:
    """Have mail filed by newcomers, and their accounts not made yet."""
    rig.drop(*(mail(sender=each) for each in addresses))
    rig.run()
    for name in reporters(rig.trac):
        manager(rig.trac).delete_user(name)
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_contact SET made=0")


def test_accounts_are_made_by_one_process_at_a_time(rig: Rig) -> None:
    """Two that write one password file would lose an account; the other one leaves it, and waits for nothing."""
    owe(rig, "ann.example@example.com")
    lock = rig.trac.path / "files" / "mailintake" / "accounts.lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert keep_promises(rig.trac.env) == 0
        assert not manager(rig.trac).has_user("ann.example")
    assert keep_promises(rig.trac.env) == 1
    assert manager(rig.trac).has_user("ann.example")
    assert keep_promises(rig.trac.env) == 0


def test_one_that_cannot_be_made_keeps_no_other_from_it(rig: Rig) -> None:
    """Somebody has taken the name since; it stays theirs, and the log says why."""
    owe(rig, "ann.example@example.com", "bob.example@example.com")
    manager(rig.trac).set_password("ann.example", "of another person")
    assert keep_promises(rig.trac.env) == 1
    assert [row[2:] for row in contacts(rig.trac)] == [("ann.example", False), ("bob.example", True)]
    assert manager(rig.trac).check_password("ann.example", "of another person")
    assert "The account ann.example could not be created; a later run tries again" in rig.trac.log()


def test_where_nobody_can_reset_a_password_the_administrator_gives_one(rig: Rig, smtp_sink: SmtpSink) -> None:
    """The notice has no link that leads nowhere."""
    rig.trac.set(("account-manager", "reset_password", "false"))
    rig.trac.notify_through(smtp_sink)
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    [told] = [each for each in smtp_sink.sent if "account" in str(each.message["Subject"])]
    text = told.message.get_content()
    assert "the administrator of the project can give you one" in text
    assert "reset_password" not in text
    assert "http://trac.example.org" in text


def test_an_account_that_was_made_elsewhere_meanwhile_is_not_made_again(rig: Rig) -> None:
    """The lock is of this host alone; between two accounts another one may have come."""
    owe(rig, "ann.example@example.com", "bob.example@example.com")
    (rig.trac.path / "plugins").mkdir(exist_ok=True)
    (rig.trac.path / "plugins" / "other.py").write_text(OTHER, encoding="utf-8")
    rig.trac.reopen()
    assert keep_promises(rig.trac.env) == 1
    assert manager(rig.trac).has_user("ann.example")
    assert not manager(rig.trac).has_user("bob.example")
