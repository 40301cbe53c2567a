"""The mail that a ticket was made from, and the ids that Trac sent for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.ticket.model import Ticket

from tests.rig import Rig, id_of, mail
from trac_mailintake.tracker.db.transaction import key
from trac_mailintake.tracker.message_ids.ticket_mails import beginning, installed, mails_of, remember, writers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service, where strangers may write."""
    return Rig(sqlite_env, tmp_path)


def test_the_mail_of_a_ticket_is_known_with_its_sender(trac_env: TracEnv, tmp_path: Path) -> None:
    """On each database; an answer to it is not its beginning, but its author has written, too."""
    rig = Rig(trac_env, tmp_path)
    trac_env.know("bob", "bob@example.com")
    first = mail("A question", sender="ann@example.com")
    rig.drop(first, mail("Re: A question", f"In-Reply-To: {id_of(first)}", sender="Bob@Example.com"))
    rig.run()
    found = beginning(trac_env.env, 1)
    assert found is not None
    assert (found.message_id, found.address, found.author) == (id_of(first), "ann@example.com", "Ann <ann@example.com>")
    assert not found.acknowledge
    with trac_env.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET acknowledge=1 WHERE state='created'")
    assert (beginning(trac_env.env, 1) or found).acknowledge
    assert writers(trac_env.env, 1) == {"ann@example.com", "bob@example.com"}
    assert mails_of(trac_env.env, 1) == 2
    assert (beginning(trac_env.env, 2), writers(trac_env.env, 2), mails_of(trac_env.env, 2)) == (None, set(), 0)


def test_a_ticket_that_was_made_in_the_web_has_no_beginning(rig: Rig) -> None:
    """Though somebody has answered it by mail."""
    ticket = Ticket(rig.trac.env)
    ticket["summary"] = "Made in the web"
    number = ticket.insert()
    rig.trac.know("ann", "ann@example.com")
    rig.trac.grant("ann", "TICKET_APPEND", "TICKET_VIEW")
    rig.drop(mail(f"Re: #{number}: Made in the web", sender="ann@example.com"))
    rig.run()
    assert rig.outcomes == [("commented", "subject")]
    assert beginning(rig.trac.env, number) is None
    assert writers(rig.trac.env, number) == {"ann@example.com"}


def test_a_ticket_that_took_the_number_of_a_deleted_one_has_nothing_of_it(rig: Rig) -> None:
    """SQLite gives numbers again: the stranger who wrote the old one is not told of the new one."""
    rig.drop(mail("Secret", sender="mallory@example.com"))
    rig.run()
    [old] = rig.trac.tickets()
    old.delete()
    fresh = Ticket(rig.trac.env)
    fresh["summary"] = "Another"
    assert fresh.insert() == old.id
    assert beginning(rig.trac.env, fresh.id) is None
    assert writers(rig.trac.env, fresh.id) == set()


@pytest.mark.parametrize(
    ("field", "fit"),
    [
        ("Message-ID: <a.b!#$%@x-y.example>", True),
        ("Message-ID: <folded @\n example.org>", True),
        ("Message-ID: <a@b> <c@d>", True),
        ("Message-ID: <a\u00e9@b>", False),
        (f"Message-ID: <{'l' * 600}@b>", False),
        ("X-Nothing: here", False),
    ],
)
def test_only_an_id_that_is_safe_in_a_header_begins_a_thread(rig: Rig, field: str, *, fit: bool) -> None:
    """It is written into the References of what Trac sends."""
    rig.drop(f"From: ann@example.com\nSubject: One\nDate: Mon, 02 Nov 2026 10:00:00 +0000\n{field}\n\nHi\n".encode())
    rig.run()
    found = beginning(rig.trac.env, 1)
    assert found is not None
    assert bool(found.message_id) is fit


def test_a_mail_of_several_authors_has_no_address_to_write_to(rig: Rig) -> None:
    """Whichever of them was chosen might be a forgery."""
    rig.drop(mail("Two", sender="a@example.com>, <b@example.com"))
    rig.run()
    found = beginning(rig.trac.env, 1)
    assert found is not None
    assert found.address == ""
    assert writers(rig.trac.env, 1) == {"a@example.com", "b@example.com"}


def test_an_id_that_trac_sent_is_stored_once_for_each_ticket(trac_env: TracEnv) -> None:
    """Trac may send the same notification again."""
    for ticket in (1, 1, 2):
        remember(trac_env.env, "<sent@x>", ticket)
    rows = trac_env.query("SELECT ticket, outgoing FROM mailintake_message_id WHERE hash=%s", key("<sent@x>"))
    assert sorted(rows) == [(1, 1), (2, 1)]


def test_before_the_upgrade_nothing_is_installed(sqlite_env: TracEnv) -> None:
    """Notifications of a Trac that was just given the plugin must go out."""
    assert installed(sqlite_env.env)
    with sqlite_env.env.db_transaction as db:
        db("DELETE FROM system WHERE name LIKE 'mailintake%'")
    assert not installed(sqlite_env.reopen())
