"""Mail from a web form is that of the person whom its Reply-To names, whom nothing proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, id_of, mail
from tests.test_forgers import PASSED, RECEIVED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv

FORM = "form@example.com"
CARL = "Reply-To: Carl <carl@customer.example>"


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink) -> Rig:
    """A service with a form, in a Trac that has users."""
    sqlite_env.notify_through(smtp_sink)
    sqlite_env.know("bob", "bob@example.org")
    sqlite_env.grant("bob", "TICKET_ADMIN")
    return Rig(sqlite_env, tmp_path, webforms=FORM, address="support@example.org")


def proved(content: bytes) -> bytes:
    """The mail, as the border host vouches for it."""
    return f"{PASSED}\n{RECEIVED}\n{content.decode()}".encode()


def reporters(rig: Rig) -> list[str]:
    """Of all tickets."""
    return [str(ticket["reporter"]) for ticket in rig.trac.tickets()]


def test_the_person_is_the_reporter_and_gets_the_answers(rig: Rig, smtp_sink: SmtpSink) -> None:
    """The form is nobody in the ticket; a reply of the person's finds it."""
    first = mail("Question", CARL, sender=FORM)
    rig.drop(first)
    rig.run()
    assert reporters(rig) == ["Carl <carl@customer.example>"]
    assert rig.trac.query("SELECT sender FROM mailintake_delivery") == [("carl@customer.example",)]
    assert smtp_sink.sent == []
    rig.drop(mail("Re: Question", f"In-Reply-To: {id_of(first)}", sender="bob@example.org"))
    rig.run()
    (answer,) = smtp_sink.wait_for(1)
    assert "carl@customer.example" in answer.recipients
    assert FORM not in answer.recipients
    rig.drop(mail("Re: Question", f"In-Reply-To: {id_of(first)}", sender="carl@customer.example"))
    rig.run()
    assert rig.outcomes[-1] == ("commented", "message-id")


@pytest.mark.parametrize("spec", ["bob@example.org", "BOB@Example.org", '"bob"@example.org'])
def test_a_user_who_is_named_there_is_a_stranger(rig: Rig, spec: str) -> None:
    """No rights, no name of theirs, and no lead, although the user may do everything."""
    first = mail("Question", sender="ann@example.com")
    rig.drop(first, mail("Re: #1", f"In-Reply-To: {id_of(first)}", f"Reply-To: {spec}", sender=FORM))
    rig.run()
    assert [state for state, _ in rig.outcomes] == ["created", "created"]
    assert "bob" not in reporters(rig)
    assert "@" in reporters(rig)[1]


def test_nobody_follows_a_customers_lead_in_a_form(rig: Rig) -> None:
    """Whoever knows an id and an address could write into the ticket of somebody else, or reopen it."""
    first = mail("Question", sender="carl@customer.example")
    rig.drop(first, mail("Re: #1", f"In-Reply-To: {id_of(first)}", CARL, sender=FORM))
    rig.run()
    assert [state for state, _ in rig.outcomes] == ["created", "created"]


@pytest.mark.parametrize(
    "fields",
    [
        (),
        ("Reply-To: carl@customer.example, eve@customer.example",),
        ("Reply-To: support@example.org",),
        (f"Reply-To: {FORM}",),
    ],
)
def test_without_one_person_the_form_is_the_sender(rig: Rig, fields: tuple[str, ...]) -> None:
    """As without the parameter."""
    rig.drop(mail("Question", *fields, sender=FORM))
    rig.run()
    assert reporters(rig) == [f"Ann <{FORM}>"]


def test_only_listed_senders_are_forms(rig: Rig) -> None:
    """Reply-To of others is what they like answers to go to, and no more."""
    rig.drop(mail("Question", CARL, sender="ann@example.com"))
    rig.run()
    assert reporters(rig) == ["Ann <ann@example.com>"]


@pytest.mark.parametrize(("trace", "found"), [(True, "Carl <carl@customer.example>"), (False, f"Ann <{FORM}>")])
def test_where_proof_is_required_the_form_must_be_proved(rig: Rig, found: str, *, trace: bool) -> None:
    """Otherwise anybody could write in its name."""
    rig.set(require_auth="true", authserv_ids="mx.example.org")
    content = mail("Question", CARL, sender=FORM)
    rig.drop(proved(content) if trace else content)
    rig.run()
    assert reporters(rig) == [found]


@pytest.mark.parametrize(("acknowledge", "letters"), [("never", 0), ("proved", 0), ("always", 1)])
def test_the_person_is_acknowledged_as_the_unproved_are(
    rig: Rig, smtp_sink: SmtpSink, acknowledge: str, letters: int
) -> None:
    """However often somebody types the address, and whoever vouches for the form; without a word of theirs."""
    rig.set(acknowledge=acknowledge, authserv_ids="mx.example.org")
    rig.drop(*(proved(mail(f"Canary {each}", CARL, sender=FORM)) for each in range(3)))
    rig.run()
    rig.run()
    assert [sent.recipients for sent in smtp_sink.sent] == [("carl@customer.example",)] * letters
    assert all(b"Canary" not in sent.content for sent in smtp_sink.sent)


def test_the_form_gets_no_notice(rig: Rig, smtp_sink: SmtpSink) -> None:
    """It is a machine, and the person may be anybody."""
    rig.set(block=FORM)
    rig.drop(mail("Question", CARL, sender=FORM))
    rig.run()
    rig.run()
    assert rig.outcomes == [("rejected", "block")]
    assert smtp_sink.sent == []
