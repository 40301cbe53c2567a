"""What rules may ask of Trac."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from trac.notification.mail import create_message_id
from trac.ticket.model import Ticket
from trac.util.datefmt import datetime_now, to_utimestamp, utc

from tests.builders import JOE, comment, delivery, message, new_ticket
from trac_mailintake.intake.ports import KnownId
from trac_mailintake.mail.message import Address
from trac_mailintake.tracker.db.transaction import key
from trac_mailintake.tracker.deliveries.rows import sender_key
from trac_mailintake.tracker.lookups import TracReader
from trac_mailintake.tracker.message_ids import ticket_mails
from trac_mailintake.tracker.message_ids.known import CROWD, FIRST
from trac_mailintake.tracker.options import LOOP_HEADER
from trac_mailintake.tracker.people import reply_address
from trac_mailintake.tracker.people.directory import Directory

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv
    from tests.tracker.conftest import Desk


def reader(trac: TracEnv) -> TracReader:
    """A reader of the environment."""
    return TracReader(trac.env, Directory(trac.env))


def remember(trac: TracEnv, message_id: str, ticket: int, *others: str) -> None:
    """A mail with that id was filed in the ticket; `others` tell it from others there."""
    with trac.env.db_transaction as db:
        db(
            "INSERT INTO mailintake_message_id (hash, copy, outgoing, ticket) VALUES (%s, %s, 0, %s)",
            (key(message_id), key("copy", message_id, str(ticket), *others), ticket),
        )


def test_everybody_named_in_a_ticket_is_involved(desk: Desk) -> None:
    """Reporter, owner, cc and authors; by username, by the user's address, and by the address within a name."""
    desk.trac.know("joe", "Joe@Example.org")
    desk.trac.know("olga", "olga@example.org")
    change = new_ticket(fields={"owner": "Olga", "cc": "Cc@Example.net, carl"})
    number = desk.file(change).ticket
    desk.file(comment(number, JOE))
    facts = reader(desk.trac).ticket(number)
    assert facts is not None
    assert (facts.id, facts.summary, facts.status, facts.closed) == (number, "It does not work", "new", False)
    people = {"ext@example.net", "cc@example.net", "carl", "olga", "olga@example.org", "joe", "joe@example.org"}
    assert people <= facts.involved
    assert "anonymous" not in facts.involved
    assert "stranger@example.net" not in facts.involved


def test_a_strangers_display_name_names_nobody_else(desk: Desk) -> None:
    """The web form takes any text for the author's name; users and addresses in that text do not become involved."""
    desk.trac.know("joe", "joe@example.org")
    ticket = Ticket(desk.trac.env, desk.file(new_ticket()).ticket)
    ticket.save_changes("Eve, joe; carl@example.net", "I am all of them.")
    facts = reader(desk.trac).ticket(ticket.id)
    assert facts is not None
    assert not {"joe", "joe@example.org", "carl@example.net"} & facts.involved


def test_anonymous_is_nobody_in_particular(desk: Desk) -> None:
    """A ticket without names involves no stranger."""
    ticket = Ticket(desk.trac.env)
    ticket.populate({"summary": "x", "reporter": "anonymous", "owner": ""})
    ticket["status"] = "closed"
    facts = reader(desk.trac).ticket(ticket.insert())
    assert facts is not None
    assert facts.closed
    assert facts.involved == frozenset()


@pytest.mark.parametrize("number", [0, -1, 4, 2**31, 10**30])
def test_a_number_without_a_ticket_is_nothing(trac_env: TracEnv, number: int) -> None:
    """Subjects contain any number."""
    assert reader(trac_env).ticket(number) is None


def test_ids_are_known_that_were_sent_or_filed(trac_env: TracEnv) -> None:
    """Also when the ticket is gone; any number of ids may be asked."""
    remember(trac_env, "<a@x>", 1)
    ticket_mails.remember(trac_env.env, "<b@x>", 2)
    many = [f"<{number}@x>" for number in range(1000)]
    assert reader(trac_env).known_ids([*many, "<a@x>", "<b@x>", "<B@X>"]) == {
        "<a@x>": KnownId("<a@x>", 1, outgoing=False),
        "<b@x>": KnownId("<b@x>", 2, outgoing=True),
    }


def test_an_id_that_was_filed_in_several_tickets_is_contested(trac_env: TracEnv) -> None:
    """The first of them is told; in one ticket it may be as often as it likes, as long as all of that can be seen."""
    for number, ticket in enumerate((7, 7, 3)):
        remember(trac_env, "<a@x>", ticket, str(number))
    for number in range(FIRST + 2):
        remember(trac_env, "<b@x>", 5, str(number))
    for number in range(CROWD + 2):
        remember(trac_env, "<c@x>", 6, str(number))
    assert reader(trac_env).known_ids(["<a@x>"]) == {"<a@x>": KnownId("<a@x>", 7, outgoing=False, contested=True)}
    assert reader(trac_env).known_ids(["<b@x>"]) == {"<b@x>": KnownId("<b@x>", 5, outgoing=False)}
    assert reader(trac_env).known_ids(["<c@x>"]) == {"<c@x>": KnownId("<c@x>", 6, outgoing=False, contested=True)}


@pytest.mark.parametrize("others", [1, CROWD + 2])
@pytest.mark.parametrize("first", [True, False])
def test_what_we_sent_is_taken_over_by_nothing_that_was_filed(trac_env: TracEnv, others: int, *, first: bool) -> None:
    """Filed mails with the same id change nothing, whether filed before or after it was sent, one or many."""
    if first:
        ticket_mails.remember(trac_env.env, "<a@x>", 2)
    for number in range(others):
        remember(trac_env, "<a@x>", 3, str(number))
    if not first:
        ticket_mails.remember(trac_env.env, "<a@x>", 2)
    assert reader(trac_env).known_ids(["<a@x>"]) == {"<a@x>": KnownId("<a@x>", 2, outgoing=True)}
    assert reader(trac_env).own_loop(message(message_id="<a@x>"))
    assert reader(trac_env).filings(["<a@x>"]) == []


def test_the_root_id_that_trac_computes_finds_its_ticket(desk: Desk) -> None:
    """For mails that Trac sent before it was recorded; whatever host the id has."""
    numbers = [desk.file(new_ticket()).ticket for _ in range(3)]
    env = desk.trac.env
    roots = [
        create_message_id(env, f"{number:08d}", "joe@other.example", None, Ticket(env, number)["reporter"])
        for number in numbers
    ]
    asked = reader(desk.trac)
    assert asked.root_ticket(["<no@x>", roots[1], roots[0]]) == numbers[1]
    forged = roots[2].replace(".", ".0", 1)
    assert asked.root_ticket([forged, "<047.0123456789abcdef0123456789abcdef@x>"]) is None


def test_a_signed_address_names_its_ticket(sqlite_env: TracEnv) -> None:
    """With the environment's own key, and its delimiter."""
    asked = reader(sqlite_env)
    address = reply_address.reply_address(asked.keys, "support@example.org", "+", 7)
    assert asked.signed_ticket([Address("", address)]) == 7
    sqlite_env.set(("mailintake", "recipient_delimiter", "-"))
    assert reader(sqlite_env).signed_ticket([Address("", address)]) is None


def test_our_own_mail_is_recognised(trac_env: TracEnv) -> None:
    """By our loop header, by an id that was sent; not by those of others, nor by fields that anybody can write."""
    asked = reader(trac_env)
    trac = (("X-Trac-Version", "1.6"), ("X-Trac-Project", "Project of a test"), ("X-URL", "http://trac.example.org/"))
    ticket_mails.remember(trac_env.env, "<sent@x>", 2)
    remember(trac_env, "<filed@x>", 2)
    assert asked.own_loop(message(fields=((LOOP_HEADER, asked.keys.loop()[0]),)))
    assert asked.own_loop(message(message_id="<sent@x>"))
    assert asked.own_loop(message(message_id="<filed@x>")) is None
    assert asked.own_loop(message(fields=((LOOP_HEADER, "0" * 32),))) is None
    assert asked.own_loop(message(fields=trac)) is None
    assert asked.own_loop(message(message_id=None)) is None


def test_permissions_are_those_of_the_user(desk: Desk) -> None:
    """In general and on a ticket."""
    number = desk.file(new_ticket()).ticket
    asked = reader(desk.trac)
    assert asked.may("anonymous", "TICKET_APPEND", number)
    assert not asked.may("anonymous", "TICKET_ADMIN", number)
    assert asked.may("joe", "TICKET_MODIFY")


def test_the_intakes_own_addresses_are_known(sqlite_env: TracEnv) -> None:
    """The configured one, those of services, and Trac's own, without case."""
    sqlite_env.set(("mailintake", "address", "Support@Example.org"), ("mailintake", "project_key", "PROJ"))
    with sqlite_env.env.db_transaction as db:
        db("INSERT INTO mailintake_service (name, addresses) VALUES ('a', 'Help@example.org, bugs@example.org')")
    asked = reader(sqlite_env)
    assert asked.own_addresses() == {
        "support@example.org",
        "help@example.org",
        "bugs@example.org",
        "trac@example.org",
    }
    assert (asked.project_key(), asked.project_name()) == ("PROJ", "Project of a test")


def test_the_mails_of_a_sender_are_counted_as_far_as_it_matters(trac_env: TracEnv) -> None:
    """Counting stops at the limit. Mail that this round has decided counts before it is recorded."""
    until = datetime_now(utc)
    since = until - timedelta(hours=1)
    with trac_env.env.db_transaction as db:
        for number in range(1, 41):
            db(
                "INSERT INTO mailintake_delivery (id, live, sender_key, counted) VALUES (%s, %s, %s, %s)",
                (number, str(number), sender_key(message()), to_utimestamp(until) - number),
            )
    asked = reader(trac_env)
    deliveries = [delivery(id=number) for number in (1, 50, 51)]
    assert asked.mails_of_sender(message(), deliveries[0], since, until) == 39
    assert asked.mails_of_sender(message(), deliveries[1], since, until) == 40
    assert asked.mails_of_sender(message(), deliveries[2], since, until) == 41
    assert [asked.mails_of_sender(message(), deliveries[2], since, until, most) for most in (1, 10, 41, 60)] == [
        1,
        10,
        41,
        41,
    ]
    assert asked.mails_of_sender(message(), deliveries[2], until, until, 10) == 0
