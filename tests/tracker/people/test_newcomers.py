"""Who is remembered as a newcomer, and who is not; `tests/test_createusers.py` has what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import message, service
from trac_mailintake.intake.errors import Stale
from trac_mailintake.mail.message import Address, Origin
from trac_mailintake.tracker.people.contacts import Newcomer, remembered
from trac_mailintake.tracker.people.newcomers import Introduced, Stranger, contact, newcomer, remember, remembered_today

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.settings import Service

ZORAIDA = Address("Zoraida", "Zoraida@example.net")
SESSIONS = (
    ("components", "acct_mgr.*", "enabled"),
    ("account-manager", "password_store", "SessionStore"),
    ("account-manager", "hash_method", "HtPasswdHashMethod"),
)


@pytest.fixture
def trac(sqlite_env: TracEnv) -> TracEnv:
    """AccountManager has a store that it can write."""
    sqlite_env.set(*SESSIONS)
    sqlite_env.upgrade()
    return sqlite_env


def asked(trac: TracEnv, author: Address = ZORAIDA, made: Service | None = None, **of_mail: object) -> tuple[str, str]:
    """The username that an author gets, or "-" if they stay a stranger; and the reason."""
    found = newcomer(trac.env, author, message(**of_mail), made or service(createusers="true"))
    return found.newcomer.username if isinstance(found, Introduced) else "-", str(found.reason or "")


def store(trac: TracEnv, who: Newcomer) -> None:
    """Remember somebody, committed."""
    with trac.env.db_transaction as db:
        remember(trac.env, db, who, 1)


def made(trac: TracEnv, address: str) -> None:
    """As if the account had been made."""
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_contact SET made=1 WHERE address=%s", (address,))


def zoraida(username: str = "zoraida", limit: int = 9, address: str = ZORAIDA.spec) -> Newcomer:
    """Zoraida, to be remembered."""
    return Newcomer(address, "Zoraida", username, "support", limit, notify=True)


def test_a_person_who_writes_first_gets_a_name_of_their_own(trac: TracEnv) -> None:
    """Made of the address; the next one of the same name gets another."""
    assert asked(trac)[0] == "zoraida"
    store(trac, zoraida())
    assert asked(trac, Address("", "zoraida@other.example"))[0] == "zoraida.other"
    assert asked(trac)[0] == "zoraida", "while the account is due, the same name is promised again"


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin not in (Origin.PERSON, Origin.LIST)])
def test_a_machine_is_no_newcomer(trac: TracEnv, origin: Origin) -> None:
    """Whatever kind of machine."""
    username, why = asked(trac, origin=origin)
    assert username == "-"
    assert why


def test_without_the_setting_nobody_is(trac: TracEnv) -> None:
    """And no reason is given, since nothing was looked for."""
    assert newcomer(trac.env, ZORAIDA, message(), service()) == Stranger(None)


def test_the_intake_itself_is_none(trac: TracEnv) -> None:
    """Its own address in From is a loop or a forgery."""
    trac.set(("mailintake", "address", "zoraida@example.net"))
    assert asked(trac)[0] == "-"


def test_an_account_that_is_gone_is_not_promised_again(trac: TracEnv) -> None:
    """Somebody deleted it on purpose; the reason names it."""
    store(trac, zoraida())
    made(trac, ZORAIDA.spec)
    username, why = asked(trac)
    assert username == "-"
    assert "zoraida" in why


def test_an_address_of_which_no_name_can_be_made(trac: TracEnv) -> None:
    """AccountManager takes none of the candidates."""
    trac.set(("account-manager", "username_regexp", "^nobody$"))
    username, why = asked(trac)
    assert username == "-"
    assert why


def test_a_service_remembers_only_so_many_a_day(trac: TracEnv) -> None:
    """Who is remembered already costs nothing; other services count for themselves."""
    few = service(createusers="true", createusers_per_day="1")
    assert asked(trac, made=few)[0] == "zoraida"
    store(trac, zoraida())
    assert remembered_today(trac.env, "support") == 1
    assert asked(trac, made=few)[0] == "zoraida"
    stranger = Address("", "robert@example.net")
    assert asked(trac, stranger, few)[0] == "-"
    assert asked(trac, stranger, replace(few, name="sales"))[0] == "robert"


def test_without_a_store_people_are_remembered_without_an_account(sqlite_env: TracEnv) -> None:
    """With the name that they wrote last, unless they wrote none."""
    found = newcomer(sqlite_env.env, ZORAIDA, message(), service(createusers="true", notifyusers="false"))
    assert isinstance(found, Introduced)
    limit = service().strangers.createusers_per_day
    assert found.newcomer == Newcomer(ZORAIDA.spec, "Zoraida", "", "support", limit, notify=False)
    store(sqlite_env, found.newcomer)
    again = newcomer(sqlite_env.env, Address("  ", "zoraida@EXAMPLE.net"), message(), service(createusers="true"))
    assert isinstance(again, Introduced)
    assert (again.newcomer.name, again.newcomer.username) == ("Zoraida", "")


def test_two_mails_of_one_newcomer_are_one_row(trac_env: TracEnv) -> None:
    """On each database; the address in any case."""
    store(trac_env, zoraida())
    store(trac_env, zoraida())
    found = contact(trac_env.env, "ZORAIDA@example.NET")
    assert found is not None
    assert (found.address, found.name, found.username, found.made) == (ZORAIDA.spec, "Zoraida", "zoraida", 0)
    assert len(remembered(trac_env.env)) == 1
    assert contact(trac_env.env, "robert@example.net") is None


def test_what_another_mail_changed_meanwhile_is_decided_again(sqlite_env: TracEnv) -> None:
    """A promise to the same person, the same name for another person, the last place of the day."""
    store(sqlite_env, zoraida())
    for who in (zoraida("other"), zoraida(address="zoraida@other.example"), zoraida("", 1, "robert@example.net")):
        with pytest.raises(Stale):
            store(sqlite_env, who)
    assert [each.address for each in remembered(sqlite_env.env)] == [ZORAIDA.spec]


def test_who_was_only_remembered_can_be_promised_an_account(sqlite_env: TracEnv) -> None:
    """Once there is a store; it is the same row, and costs no place of the day."""
    store(sqlite_env, zoraida("", 1))
    store(sqlite_env, zoraida("zoraida", 1))
    assert [each.username for each in remembered(sqlite_env.env)] == ["zoraida"]
