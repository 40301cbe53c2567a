"""Who a mail is from, to Trac."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import message, service, written_by
from trac_mailintake.mail.message import Address
from trac_mailintake.tracker.people.directory import Directory, sender, signature

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_a_known_user_is_found_by_address_whatever_its_case(trac_env: TracEnv) -> None:
    """The mail acts and signs as the one user with that address."""
    trac_env.know("joe", "Joe@Example.org")
    found = sender(trac_env.env, written_by(Address("Joe", "jOE@eXAMPLE.ORG")), service())
    assert (found.username, found.author, found.mapped) == ("joe", "joe", True)
    assert "joe" in found.reason


def test_a_username_that_is_the_address_is_found(sqlite_env: TracEnv) -> None:
    """Some sites use addresses as usernames."""
    sqlite_env.know("joe@example.org", "")
    assert sender(sqlite_env.env, written_by(Address("", "Joe@example.org")), service()).username == "joe@example.org"


def test_the_default_domain_makes_addresses_of_usernames(sqlite_env: TracEnv) -> None:
    """`[notification] smtp_default_domain` says what is left out of usernames."""
    sqlite_env.know("joe", "")
    assert not sender(sqlite_env.env, written_by(Address("", "joe@corp.example")), service()).mapped
    sqlite_env.set(("notification", "smtp_default_domain", "corp.example"))
    assert sender(sqlite_env.env, written_by(Address("", "joe@corp.example")), service()).username == "joe"


@pytest.mark.parametrize(
    ("known", "from_", "same"),
    [
        ("sam@example.org", "ſam@example.org", False),
        ("karl@example.org", "\u212aarl@example.org", False),
        ("bob@strasse.example", "bob@straße.example", False),
        ("bob@straße.example", "Bob@XN--strae-oqa.example", True),
        ("bob@xn--strae-oqa.example", "bob@STRAßE.example", True),
    ],
)
@pytest.mark.parametrize("by", ["email", "username", "domain"])
def test_a_stranger_is_no_user_by_unicodes_folding(
    sqlite_env: TracEnv, by: str, known: str, from_: str, *, same: bool
) -> None:
    """`ſam@` is somebody else at the same host, `straße.example` another host. A-labels are the same host."""
    local, _, domain = known.partition("@")
    sqlite_env.know(*{"email": ("user", known), "username": (known, ""), "domain": (local, "")}[by])
    sqlite_env.set(("notification", "smtp_default_domain", domain if by == "domain" else ""))
    found = sender(sqlite_env.env, written_by(Address("", from_)), service())
    assert found.mapped == same
    assert Directory(sqlite_env.env).knows(from_) == same


def test_an_address_of_several_users_is_nobodys(sqlite_env: TracEnv) -> None:
    """Guessing would let one act as the other; the reason names both."""
    sqlite_env.know("ann", "team@example.org")
    sqlite_env.know("bob", "TEAM@example.org")
    found = sender(sqlite_env.env, written_by(Address("Team", "team@example.org")), service())
    assert (found.username, found.mapped) == ("anonymous", False)
    assert "ann, bob" in found.reason


def test_several_from_addresses_map_to_nobody(sqlite_env: TracEnv) -> None:
    """Even when one of them is a known user's."""
    sqlite_env.know("joe", "joe@example.org")
    two = written_by(Address("Joe", "joe@example.org"), Address("", "other@example.org"))
    found = sender(sqlite_env.env, two, service())
    assert (found.username, found.author, found.address, found.mapped) == ("anonymous", "anonymous", "", False)


@pytest.mark.parametrize("raw", ["admin", "authenticated", "anonymous"])
def test_a_raw_from_never_names_a_user(sqlite_env: TracEnv, raw: str) -> None:
    """`From: admin` is not the user admin."""
    sqlite_env.know("admin", "")
    found = sender(sqlite_env.env, written_by(Address("admin", raw)), service())
    assert (found.username, found.mapped) == ("anonymous", False)


def test_a_user_who_is_also_a_group_is_not_mapped(sqlite_env: TracEnv) -> None:
    """Permissions given to a group are not for whoever has its name."""
    sqlite_env.know("staff", "staff@example.org")
    sqlite_env.grant("ann", "staff")
    assert not sender(sqlite_env.env, written_by(Address("", "staff@example.org")), service()).mapped


def test_strangers_act_as_the_service_says(sqlite_env: TracEnv) -> None:
    """An unmapped sender acts as `reporterusername`, who also signs; the sender's address is kept."""
    found = sender(sqlite_env.env, message(), service(reporterusername="helpdesk"))
    assert (found.username, found.author, found.address, found.mapped) == (
        "helpdesk",
        "helpdesk",
        "ann@example.org",
        False,
    )


def test_a_new_address_counts_at_once(sqlite_env: TracEnv) -> None:
    """A directory that is kept notices that users have changed."""
    directory = Directory(sqlite_env.env)
    assert directory.user("joe@example.org")[0] == ""
    sqlite_env.know("joe", "joe@example.org")
    assert directory.user("joe@example.org")[0] == "joe"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ext Ernal", "Ext Ernal <e@example.net>"),
        ("", "e@example.net"),
        ("E@example.net", "e@example.net"),
        ('Evil\r\nBcc: <x@y.z>, "Q"', "Evil Bcc: x@y.z , Q <e@example.net>"),
        ("\u202eadmin\u202c", "admin <e@example.net>"),
    ],
)
def test_a_strangers_name_is_written_clean(name: str, written: str) -> None:
    """No control characters, angles or quotes, so that Trac finds the address again."""
    assert signature(Address(name, "e@example.net")) == written


@pytest.mark.parametrize(
    "spec", ['"a b"@example.net', "a\u202eb@example.net", '"a<b"@example.net', "a\x9fb@example.net"]
)
def test_an_odd_address_is_written_as_no_other(spec: str) -> None:
    """What is left out of an address would make it somebody else's, to whom Trac would write."""
    written = signature(Address("", spec))
    assert "\ufffd" in written
    assert "ab@" not in written
