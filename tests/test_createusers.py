"""`createusers`, with AccountManager and without (docs/behaviour.md#accounts-for-newcomers)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from acct_mgr.api import AccountManager
from trac.perm import PermissionSystem

from tests.rig import Rig, mail
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.db.transaction import SECOND, now

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

SESSIONS = (
    ("components", "acct_mgr.*", "enabled"),
    ("account-manager", "password_store", "SessionStore, ResetPwStore"),
    ("account-manager", "hash_method", "HtPasswdHashMethod"),
    ("account-manager", "reset_password", "true"),
)


def file_store(trac: TracEnv) -> tuple[tuple[str, str, str], ...]:
    """AccountManager with an htpasswd file."""
    path = trac.path / "conf" / "accounts.htpasswd"
    path.touch()
    return (
        ("components", "acct_mgr.*", "enabled"),
        ("account-manager", "password_store", "HtPasswdStore, ResetPwStore"),
        ("account-manager", "htpasswd_file", str(path)),
        ("account-manager", "htpasswd_hash_type", "sha512"),
    )


def members_only(rig: Rig) -> None:
    """Only who is logged in may create tickets, as Trac has it."""
    for action in ("TICKET_CREATE", "TICKET_APPEND"):
        rig.trac.command("permission", "remove", "anonymous", action)
    rig.trac.reopen()


def contacts(trac: TracEnv) -> list[tuple[object, ...]]:
    """Address, name, username, whether the account was made."""
    return trac.query("SELECT address, name, username, made>0 FROM mailintake_contact ORDER BY id")


def reporters(trac: TracEnv) -> list[str]:
    """Of all tickets."""
    return [ticket["reporter"] for ticket in trac.tickets()]


@pytest.fixture(params=["sessions", "htpasswd"])
def rig(request: pytest.FixtureRequest, sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service with `createusers`, AccountManager with a store that can be written, and tickets for members only."""
    sqlite_env.set(*(SESSIONS if request.param == "sessions" else file_store(sqlite_env)))
    sqlite_env.upgrade()
    rig = Rig(sqlite_env, tmp_path, createusers="true")
    members_only(rig)
    return rig


def manager(trac: TracEnv) -> AccountManager:
    """AccountManager of the environment."""
    return AccountManager(trac.env)


def test_a_newcomer_gets_a_real_account(rig: Rig) -> None:
    """The newcomer may do what members may, and is the reporter; their next mail is from a known user."""
    rig.drop(mail("It burns", sender="ann.example@example.com"))
    rig.run()
    assert rig.outcomes == [("created", "new")]
    assert reporters(rig.trac) == ["ann.example"]
    assert manager(rig.trac).has_user("ann.example")
    assert ("ann.example", "Ann", "ann.example@example.com") in list(rig.trac.env.get_known_users())
    rig.drop(mail("It still burns", sender="Ann.Example@example.com"))
    rig.run()
    assert reporters(rig.trac) == ["ann.example", "ann.example"]
    assert len(contacts(rig.trac)) == 1


def test_several_newcomers_of_one_batch_have_different_accounts(rig: Rig) -> None:
    """Whatever their names; two mails of one are one account."""
    people = ("helpful@example.com", "helpful@example.net", "HELPFUL@example.com", "helpful+x@example.com")
    rig.drop(*(mail(sender=each) for each in people))
    rig.run()
    assert sorted(reporters(rig.trac)) == ["helpful", "helpful", "helpful.example", "helpful.example.com"]
    assert all(row[3] for row in contacts(rig.trac))
    assert all(manager(rig.trac).has_user(str(row[2])) for row in contacts(rig.trac))


@pytest.mark.parametrize(
    ("address", "username"),
    [
        ("carla.jones@example.com", "carla.jones"),
        ("Carla.Jones@example.com", "carla.jones"),
        ("bob@example.com", "bob.example"),
        ("bo+list@x.de", "bo.x.de"),
        ("b_o-b.b@example.com", "b_o-b.b"),
        ("administrator@example.com", "administrator.example"),
        ("someone@example.com", "someone.example"),
        ("members@example.com", "members.example"),
        ("deleted.user@example.com", "deleted.user.example"),
        ("authenticated@example.com", "authenticated.example"),
    ],
)
def test_a_username_is_one_that_accountmanager_takes_and_nobody_has(
    sqlite_env: TracEnv, tmp_path: Path, address: str, username: str
) -> None:
    """Not that of an administrator, a user, a group, or somebody whose tickets are still there."""
    sqlite_env.set(*SESSIONS)
    sqlite_env.upgrade()
    rig = Rig(sqlite_env, tmp_path, createusers="true")
    sqlite_env.grant("Administrator", "TRAC_ADMIN")
    sqlite_env.grant("eve", "members")
    sqlite_env.grant("members", "TICKET_ADMIN")
    sqlite_env.know("Someone", "other@example.org")
    with sqlite_env.env.db_transaction as db:
        db("INSERT INTO ticket (summary, reporter) VALUES ('old', 'deleted.user')")
    rig.drop(mail(sender=address))
    rig.run()
    assert contacts(sqlite_env)[0][2] == username
    assert manager(sqlite_env).has_user(username)
    assert "TICKET_ADMIN" not in PermissionSystem(sqlite_env.env).get_user_permissions(username)


def test_while_the_account_is_owed_its_owner_is_known(rig: Rig) -> None:
    """A second mail is from the same newcomer, and queues no second account."""
    with rig.worker() as assembly:
        rig.drop(mail(sender="ann.example@example.com"))
        service = assembly.settings.services.get("support")
        assembly.spine.run(service, assembly.settings.open(service))
    manager(rig.trac).delete_user("ann.example")
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_contact SET made=0, retry_at=%s", (now() + 600 * SECOND,))
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    assert reporters(rig.trac) == ["ann.example", "ann.example"]
    assert not manager(rig.trac).has_user("ann.example")


def test_an_account_that_was_deleted_is_not_made_again(rig: Rig) -> None:
    """Whoever deletes one has a reason; `contact remove` lets the address in again."""
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    manager(rig.trac).delete_user("ann.example")
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    assert rig.outcomes[-1] == ("held", "permission")
    assert not manager(rig.trac).has_user("ann.example")


def test_accounts_are_capped_a_day(rig: Rig) -> None:
    """Those beyond it are strangers, whose mail is held here; nothing is lost."""
    rig.set(createusers_per_day="2")
    rig.drop(*(mail(sender=f"person{number}@example.com") for number in range(4)))
    rig.run()
    assert sorted(rig.outcomes) == [("created", "new")] * 2 + [("held", "permission")] * 2
    assert len(contacts(rig.trac)) == 2


@pytest.mark.parametrize(
    ("fields", "typed"),
    [
        (("Auto-Submitted: auto-replied",), {"bulk": "accept"}),
        (("Precedence: bulk",), {"bulk": "accept"}),
        (("From: two@example.com",), {}),
        ((), {"require_auth": "true"}),
    ],
)
def test_only_people_get_accounts(rig: Rig, fields: tuple[str, ...], typed: dict[str, str]) -> None:
    """No machine, nobody of two addresses, and with require_auth nobody without proof."""
    rig.set(**typed)
    rig.drop(mail("A question", *fields, sender="ann.example@example.com"))
    rig.run()
    assert [outcome for outcome, _ in rig.outcomes] == ["held"]
    assert contacts(rig.trac) == []


def test_mail_that_is_not_filed_makes_no_account(rig: Rig) -> None:
    """A stranger who is refused is not remembered."""
    rig.set(block="example.com")
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    assert rig.outcomes == [("rejected", "block")]
    assert contacts(rig.trac) == []


def test_accounts_are_made_on_each_database(trac_env: TracEnv, tmp_path: Path) -> None:
    """Promised in the transaction of the mail, made after it; explaining a mail promises nothing."""
    trac_env.set(*SESSIONS)
    trac_env.upgrade()
    rig = Rig(trac_env, tmp_path, createusers="true")
    members_only(rig)
    (tmp_path / "mail.eml").write_bytes(mail(sender="ann.example@example.com"))
    explained = trac_env.command("mailintake", "explain", str(tmp_path / "mail.eml"), "--service", "support")
    assert "gets the account ann.example" in explained.out
    assert contacts(trac_env) == []
    rig.drop(*(mail(sender=each) for each in ("ann.example@example.com", "helpful@a.org", "helpful@b.org")))
    rig.run()
    assert sorted(reporters(trac_env)) == ["ann.example", "helpful", "helpful.b"]
    assert all(manager(trac_env).has_user(name) for name in reporters(trac_env))
    assert all(made for _, _, _, made in contacts(trac_env))


# without AccountManager


@pytest.mark.parametrize("store", ["absent", "none", "read-only"])
def test_without_a_store_to_write_people_are_only_remembered(sqlite_env: TracEnv, tmp_path: Path, store: str) -> None:
    """In a table of ours: a session record would make a user of any forged From."""
    if store == "none":
        sqlite_env.set(("components", "acct_mgr.*", "enabled"))
    if store == "read-only":
        sqlite_env.set(
            ("components", "acct_mgr.*", "enabled"),
            ("account-manager", "password_store", "HttpAuthStore, ResetPwStore"),
            ("account-manager", "authentication_url", "/authFile"),
        )
    sqlite_env.upgrade()
    rig = Rig(sqlite_env, tmp_path, createusers="true")
    rig.drop(mail(sender="ann.example@example.com"), mail(sender="Ann.Example@example.com"))
    rig.run()
    assert reporters(sqlite_env) == ["Ann <ann.example@example.com>", "Ann <Ann.Example@example.com>"]
    assert contacts(sqlite_env) == [("ann.example@example.com", "Ann", None, False)]
    assert list(sqlite_env.env.get_known_users()) == []
    assert sqlite_env.query("SELECT COUNT(*) FROM session") == [(0,)]


def test_who_was_only_remembered_gets_an_account_once_there_is_a_store(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """They get it with their next mail, with the remembered name if that mail has none."""
    rig = Rig(sqlite_env, tmp_path, createusers="true")
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    nameless = mail(sender="ann.example@example.com").replace(
        b"Ann <ann.example@example.com>", b"ann.example@example.com"
    )
    rig.drop(nameless)
    rig.run()
    assert reporters(sqlite_env)[-1] == "Ann <ann.example@example.com>"
    sqlite_env.set(*SESSIONS)
    sqlite_env.upgrade()
    rig.drop(nameless.replace(b"Message-ID: <m", b"Message-ID: <x"))
    rig.run()
    assert reporters(sqlite_env)[-1] == "ann.example"
    assert contacts(sqlite_env) == [("ann.example@example.com", "Ann", "ann.example", True)]


def test_without_createusers_nobody_is_remembered(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """As JIRA has it."""
    sqlite_env.set(*SESSIONS)
    sqlite_env.upgrade()
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail())
    rig.run()
    assert contacts(sqlite_env) == []
    assert open_intake.settings(sqlite_env.env).services.get("support").parameters.flag("notifyusers")


def test_contacts_can_be_listed_and_removed(rig: Rig) -> None:
    """With the state of the account; who is forgotten is a newcomer again."""
    words = ("mailintake", "contact")
    assert "Nobody is remembered yet" in rig.trac.command(*words, "list").out
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    listed = rig.trac.command(*words, "list").out
    assert all(word in listed for word in ("ann.example@example.com", "Ann", "support", "made"))
    [row] = json.loads(rig.trac.command(*words, "list", "--json").out)
    assert (row["username"], row["failure"]) == ("ann.example", "")
    manager(rig.trac).delete_user("ann.example")
    assert rig.trac.command(*words, "remove", "Ann.Example@example.com").status == 0
    assert rig.trac.command(*words, "remove", "ann.example@example.com").status == 2
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    assert contacts(rig.trac)[0][2] == "ann.example.example"
