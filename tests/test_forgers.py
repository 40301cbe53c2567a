"""Forged senders: nobody becomes a user by what they write into a mail (docs/behaviour.md#sender)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, mail
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.lookups import TracReader
from trac_mailintake.tracker.people.directory import Directory
from trac_mailintake.tracker.people.reply_address import load_keys, reply_address

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

ADMIN = "admin@example.com"
RECEIVED = "Received: from evil.example (evil.example [203.0.113.9]) by mx.example.org with ESMTP id 1"
PASSED = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com"
OTHERS = "Authentication-Results: mx.example.org; dmarc=pass header.from=evil.example; dkim=pass header.d=evil.example"


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service that wants proof; strangers may make tickets, and comment on none. `admin` is a user with rights."""
    rig = Rig(sqlite_env, tmp_path, authserv_ids="mx.example.org", require_auth="true")
    sqlite_env.command("permission", "remove", "anonymous", "TICKET_APPEND")
    sqlite_env.grant("admin", "TRAC_ADMIN")
    sqlite_env.know("admin", ADMIN, "The Administrator")
    sqlite_env.reopen()
    return rig


def raw(*fields: str, subject: str = "Do it", body: str = "Now.\n") -> bytes:
    """A mail made of whole header lines."""
    return ("\n".join([*fields, f"Subject: {subject}"]) + "\n\n" + body).encode()


def from_admin(*trace: str, **changed: str) -> bytes:
    """A mail with the administrator's address in From, below its trace fields."""
    return raw(*trace, f"From: The Administrator <{ADMIN}>", "To: support@example.org", **changed)


def test_a_proved_user_acts_as_themselves(rig: Rig) -> None:
    """So that what follows is not held for another reason."""
    rig.drop(from_admin(PASSED, RECEIVED))
    rig.run()
    (ticket,) = rig.trac.tickets()
    assert ticket["reporter"] == "admin"


OWN = "Authentication-Results: mx.example.org; dkim=pass header.d=example.com"
"""What the border host says of a mail that somebody signed at the administrator's own domain."""
FILLER = [f"X-Filler: {'x' * 900}"] * 150
LONG = "c" * 16 * 1024

CUT = {
    "a second From behind the limit of the header": from_admin(OWN, RECEIVED).replace(
        b"\n\n", "\n".join(["", *FILLER, "From: mallory@example.com", "", ""]).encode()
    ),
    "a header that may have another": raw(OWN, RECEIVED, f"From: {ADMIN}", *FILLER),
    "an address behind the limit of the field": raw(OWN, RECEIVED, f"From: {ADMIN} ({LONG}), mallory@example.com"),
    "a Sender that is cut": raw(OWN, RECEIVED, f"From: {ADMIN}", f"Sender: mallory@example.com ({LONG})"),
    "results that are cut": raw(f"{OWN}; dkim=pass{' ' * 20_000}; dmarc=fail", RECEIVED, f"From: {ADMIN}"),
    "results that are cut beside others": raw(f"{OWN}{' ' * 20_000}; dmarc=fail", OWN, RECEIVED, f"From: {ADMIN}"),
    "an address too long to be read": raw(OWN, RECEIVED, f"From: {ADMIN}, {'m' * 600}@example.com"),
    "a second From behind lines that are no fields": raw(
        OWN, RECEIVED, f"From: {ADMIN}", "no field", "nor this", "From: mallory@example.com"
    ),
    "a second From behind a lone CR": raw(OWN, RECEIVED, f"From: {ADMIN}", "X: y\rFrom: mallory@example.com"),
}
"""The border host's word may be about somebody else, who stands where the mail is not read."""

FORGERIES = {
    "from header only": from_admin(RECEIVED),
    "two From fields": raw(OTHERS, RECEIVED, f"From: {ADMIN}", "From: mallory@evil.example", "To: support@example.org"),
    "several addresses in one": raw(PASSED, RECEIVED, f"From: {ADMIN}, mallory@evil.example"),
    "an address as a name": raw(OTHERS, RECEIVED, f'From: "{ADMIN}" <mallory@evil.example>'),
    "an address as an encoded name": raw(OTHERS, RECEIVED, "From: =?utf-8?q?admin=40example.com?= <m@evil.example>"),
    "a pass for another address": from_admin(OTHERS, RECEIVED),
    "our authserv-id below our Received": from_admin(RECEIVED, PASSED),
    "our authserv-id and our Received forged below": from_admin(RECEIVED, PASSED, RECEIVED),
    "our authserv-id where our host left no trace": from_admin(PASSED),
    "a raw name": raw(OTHERS, RECEIVED, "From: admin"),
    "a raw name with a proof": raw(PASSED, RECEIVED, "From: admin"),
    "a name at the default domain": raw(RECEIVED, "From: admin@example.net"),
    **CUT,
    "another Sender": raw(OTHERS, RECEIVED, "From: mallory@evil.example", f"Sender: {ADMIN}", f"Reply-To: {ADMIN}"),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_forger_acts_as_nobody(rig: Rig, forgery: bytes) -> None:
    """A forger's mail counts as a stranger's, never as the mail of the user whose name or address it has."""
    rig.trac.set(("notification", "smtp_default_domain", "example.net"))
    rig.drop(forgery)
    rig.run()
    (row,) = rig.journal()
    for ticket in rig.trac.tickets():
        assert ticket["reporter"] != "admin"
    assert rig.trac.query("SELECT author FROM mailintake_delivery")[0][0] != "admin"
    assert row["outcome"] in ("created", "held")


def test_without_require_auth_several_authors_and_raw_names_are_nobody_still(rig: Rig) -> None:
    """What needs no proof to be refused."""
    rig.set(require_auth="false", authserv_ids="")
    for kind in ("two From fields", "several addresses in one", "an address as a name", "a raw name"):
        rig.drop(FORGERIES[kind])
    rig.run()
    assert rig.trac.tickets()
    assert all(ticket["reporter"] != "admin" for ticket in rig.trac.tickets())


@pytest.mark.parametrize("forgery", CUT.values(), ids=CUT)
def test_a_cut_header_has_no_author(rig: Rig, forgery: bytes) -> None:
    """The mail is filed like one without a From, of whose senders nobody is told of it; its page says why."""
    rig.set(require_auth="false", acknowledge="always")
    rig.trac.set(("notification", "smtp_enabled", "enabled"), ("mailintake", "address", "support@example.org"))
    rig.drop(forgery)
    rig.run()
    (entry,) = Journal(rig.trac.env).entries()
    assert (entry.outcome, entry.sender) == ("created", "")
    assert "no-author" in str(entry.trail)
    assert "may name another author" in str(entry.trail)
    (ticket,) = rig.trac.tickets()
    assert ticket["reporter"] == "anonymous"
    facts = TracReader(rig.trac.env, Directory(rig.trac.env)).ticket(ticket.id)
    assert facts is not None
    assert facts.involved == {"somebody"}, "the owner of the first component, which the form would send"


def test_a_cut_header_gets_past_no_list(rig: Rig) -> None:
    """Who is blocked stays so; who is allowed is not taken for the only author."""
    rig.set(allow="example.com")
    rig.drop(*CUT.values())
    rig.run()
    assert set(rig.outcomes) == {("held", "allow")}
    rig.set(allow="", block=ADMIN)
    rig.drop(*(each.replace(b"Subject: ", b"Subject: again ") for each in CUT.values()))
    rig.run()
    assert set(rig.outcomes[len(CUT) :]) == {("rejected", "block")}
    assert rig.trac.tickets() == []


@pytest.fixture
def ticket(rig: Rig) -> int:
    """Ticket 12, in which no stranger is involved."""
    with rig.trac.env.db_transaction as db:
        db(
            "INSERT INTO ticket (id, summary, reporter, status, time, changetime) "
            "VALUES (12, 'Old', 'admin', 'new', 1, 1)"
        )
    return 12


def computed_root(rig: Rig, ticket: int) -> str:
    """The Message-ID that Trac gives the first notification of a ticket: anybody can compute it."""
    source = f"{rig.trac.env.project_url}.{ticket:08d}.0.admin".encode()
    return f"<{len(source):03d}.{hashlib.md5(source).hexdigest()}@example.org>"  # noqa: S324 - Trac's default


@pytest.mark.parametrize("lead", ["subject", "root"])
@pytest.mark.parametrize("sender", ["mallory@evil.example", ADMIN])
def test_a_forger_follows_no_lead_without_right(rig: Rig, ticket: int, lead: str, sender: str) -> None:
    """`#12` in a subject, or a computed root id, leads to a new ticket that links to 12, whatever From says."""
    rig.trac.set(("notification", "message_id_hash", "md5"))
    fields = [RECEIVED, f"From: {sender}"]
    if lead == "root":
        fields.append(f"In-Reply-To: {computed_root(rig, ticket)}")
    rig.drop(raw(*fields, subject="Re: #12: Old" if lead == "subject" else "Re: Old"))
    rig.run()
    (row,) = rig.journal()
    assert (row["outcome"], row["rule"]) == ("created", "stranger")
    assert row["ticket"] != ticket
    assert rig.trac.query("SELECT COUNT(*) FROM ticket_change WHERE ticket=12") == [(0,)]


def test_a_signed_reply_address_lets_a_stranger_comment_as_themselves_only(rig: Rig, ticket: int) -> None:
    """The address proves no identity: strangers comment as strangers, or are held if they may not comment."""
    address = reply_address(load_keys(rig.trac.env), "support@example.org", "+", ticket)
    rig.drop(raw(RECEIVED, f"From: {ADMIN}", f"To: {address}"))
    rig.run()
    assert rig.outcomes == [("held", "permission")]
    rig.trac.grant("anonymous", "TICKET_APPEND")
    rig.trac.reopen()
    rig.drop(mail("Re: Old", f"Cc: {address}", sender=ADMIN))
    rig.run()
    assert rig.outcomes[-1] == ("commented", "reply-address")
    ((author,),) = rig.trac.query("SELECT DISTINCT author FROM ticket_change WHERE ticket=12")
    assert author == f"Ann <{ADMIN}>"
