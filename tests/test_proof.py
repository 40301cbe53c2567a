"""Rights follow proof: what an unproved sender may do, and how they are shown (docs/behaviour.md#proof)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Rig, id_of, mail
from tests.servers.wsgi import Reader
from trac_mailintake.tracker.people.reply_address import load_keys, reply_address

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

CAROL: Final = "carol@customer.example"
ALICE: Final = "alice@corp.example"
BOB: Final = "bob@corp.example"
RECEIVED: Final = "Received: from x.example (x.example [192.0.2.1]) by mx.example.org with ESMTP id 1"


def results(text: str) -> tuple[str, str]:
    """The border host's trace, with these results."""
    return f"Authentication-Results: mx.example.org; {text}", RECEIVED


def proved(address: str) -> tuple[str, str]:
    """The trace of a mail that is from this address."""
    return results(f"dmarc=pass header.from={address.partition('@')[2]}")


FAILED: Final = results("spf=pass smtp.mailfrom=x.example; dmarc=fail (p=none)")
NOTHING: Final = results("spf=pass smtp.mailfrom=x.example")
DKIM_OF_ANOTHER: Final = results("dkim=pass header.d=x.example")


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service that wants proof. `alice` is a user; so is `bob@corp.example`, called Bob Builder."""
    rig = Rig(sqlite_env, tmp_path, authserv_ids="mx.example.org", require_auth="true")
    sqlite_env.know("alice", ALICE, "Alice")
    sqlite_env.know(BOB, BOB, "Bob Builder")
    for user in ("alice", BOB):
        sqlite_env.grant(user, "TICKET_ADMIN")
    sqlite_env.set(("notification", "message_id_hash", "md5"))
    sqlite_env.reopen()
    return rig


@pytest.fixture
def first(rig: Rig) -> bytes:
    """Carol's proved mail, which became ticket 1, and was closed since."""
    first = mail("The printer burns", *proved(CAROL), sender=CAROL)
    rig.drop(first)
    rig.run()
    assert rig.outcomes == [("created", "new")]
    rig.trac.env.db_transaction("UPDATE ticket SET status='closed', resolution='fixed'")
    return first


def leads(rig: Rig, first: bytes) -> dict[str, str]:
    """All leads to ticket 1 that are no signed address: lines of a header, or a subject."""
    source = f"{rig.trac.env.project_url}.{1:08d}.0.{rig.trac.tickets()[0]['reporter']}".encode()
    root = f"<{len(source):03d}.{hashlib.md5(source).hexdigest()}@example.org>"  # noqa: S324 - Trac's default
    return {
        "in-reply-to": f"In-Reply-To: {id_of(first)}",
        "references": f"References: {id_of(first)} <unknown@customer.example>",
        "root": f"In-Reply-To: {root}",
        "subject": "",
    }


@pytest.mark.parametrize("lead", ["in-reply-to", "references", "root", "subject"])
@pytest.mark.parametrize("author", [CAROL, CAROL.upper(), ALICE, BOB])
def test_no_lead_counts_without_proof(rig: Rig, first: bytes, lead: str, author: str) -> None:
    """A customer's neither: nobody comments on a ticket, or reopens it, because of what they wrote into From."""
    line = leads(rig, first)[lead]
    for trace in (FAILED, NOTHING, DKIM_OF_ANOTHER, (RECEIVED,)):
        rig.drop(mail("Re: #1 The printer burns", line or "X-Nothing: here", *trace, sender=author))
    rig.run()
    assert rig.outcomes[1:] == [("created", "stranger")] * 4
    assert "nothing proves who sent it" in rig.trac.tickets()[1]["description"]
    assert rig.trac.query("SELECT COUNT(*) FROM ticket_change WHERE ticket=1") == [(0,)]
    assert rig.trac.query("SELECT status FROM ticket WHERE id=1") == [("closed",)]
    rig.drop(mail("Re: #1 The printer burns", line or "X-Nothing: here", *proved(author.lower()), sender=author))
    rig.run()
    assert (rig.journal()[-1]["outcome"], rig.journal()[-1]["ticket"]) == ("commented", 1)
    assert rig.trac.query("SELECT status FROM ticket WHERE id=1") != [("closed",)]


@pytest.mark.parametrize("author", [CAROL, ALICE, BOB])
def test_a_failure_of_dmarc_voids_each_lead(rig: Rig, first: bytes, author: str) -> None:
    """Even if the service demands no proof: the owner of the domain says that the mail is none of theirs."""
    rig.set(require_auth="false")
    for line in leads(rig, first).values():
        rig.drop(mail("Re: #1 The printer burns", line or "X-Nothing: here", *FAILED, sender=author))
    rig.run()
    assert rig.outcomes[1:] == [("created", "stranger")] * 4
    assert {ticket["reporter"] for ticket in rig.trac.tickets()[1:]} == {f"Ann <{author}>"}
    rig.drop(mail("Re: #1", *NOTHING, sender=author))
    rig.run()
    assert rig.journal()[-1]["ticket"] == 1


@pytest.mark.parametrize("require", ["true", "false"])
@pytest.mark.parametrize("author", [CAROL, ALICE, BOB])
def test_a_signed_address_is_enough_to_comment_and_proves_nobody(
    rig: Rig, first: bytes, author: str, require: str
) -> None:
    """Forwarders and lists break DMARC. The comment is by the address, never by the user."""
    rig.set(require_auth=require)
    signed = reply_address(load_keys(rig.trac.env), "support@example.org", "+", 1)
    rig.drop(mail("Re: the printer", f"Cc: {signed}", f"In-Reply-To: {id_of(first)}", *FAILED, sender=author))
    rig.run()
    assert rig.outcomes[1:] == [("commented", "reply-address")]
    assert rig.trac.query("SELECT DISTINCT author FROM ticket_change WHERE ticket=1") == [(f"Ann <{author}>",)]


def test_a_commits_number_is_a_lead_like_others(rig: Rig, first: bytes) -> None:
    """A log message names tickets; who wrote it is to be proved, whoever acts for strangers."""
    del first
    rig.trac.grant("committer", "TICKET_APPEND", "TICKET_VIEW")
    rig.set(handler="commit-log", reporterusername="committer")
    for number, trace in enumerate((FAILED, NOTHING, proved("ci@example.com"))):
        rig.drop(mail(f"r{number}: repair", *trace, sender="ci@example.com", body="Refs #1\n"))
    rig.run()
    assert rig.outcomes[1:] == [("held", "stranger"), ("held", "stranger"), ("commented", "commit-log")]


FROMS: Final = (
    f"From: {BOB}",
    f"From: <{BOB}>",
    f'From: "" <{BOB}>',
    f"From: {BOB.upper()}",
    "From: bob@CORP.example (Bob)",
    f'From: "{BOB}" <{BOB}>',
    f'From: "{BOB.upper()} " <{BOB}>',
    f"From: =?utf-8?q?=E2=80=8F?= <{BOB}>",
    f'From: " \t" <{BOB}>',
    f"From: group: {BOB};",
    f'From: "{BOB}" <mallory@evil.example>',
    "From: =?utf-8?q?bob=40corp=2Eexample?= <mallory@evil.example>",
    "From: alice",
    "From: alice@",
    "From: <alice>",
    "From: staff@corp.example",
)


PARTS: Final = """
Content-Type: multipart/mixed; boundary=b

--b

See.
--b
Content-Disposition: attachment; filename=a.txt

x
--b--
"""
WRITTEN: Final = """SELECT reporter FROM ticket UNION SELECT author FROM ticket_change
UNION SELECT author FROM attachment
UNION SELECT owner FROM ticket UNION SELECT cc FROM ticket"""


def test_an_unproved_sender_is_never_taken_for_a_user(rig: Rig, first: bytes) -> None:
    """Neither written as one, nor shown as one: usernames that are addresses, and groups that are."""
    del first
    rig.trac.grant("alice", "staff@corp.example")
    rig.trac.reopen()
    signed = reply_address(load_keys(rig.trac.env), "support@example.org", "+", 1)
    for to in ("support@example.org", signed):
        for number, field in enumerate(FROMS):
            head = (*NOTHING, field, f"To: {to}", f"Subject: {number}", f"Message-ID: <{number}.{to}>")
            rig.drop(("\n".join(head) + PARTS.replace("x", f"{number} {to}")).encode())
    rig.run()
    assert [row["outcome"] for row in rig.journal()][1:] == ["created"] * len(FROMS) + ["commented"] * len(FROMS)
    names = {str(name).lower() for (name,) in rig.trac.query(WRITTEN)}
    assert [name for name in names if name in {BOB, "alice", "staff@corp.example"}] == []
    assert f"by mail <{BOB}>" in names
    for ticket in rig.trac.tickets():
        page = Reader(rig.trac).get(f"/ticket/{ticket.id}").text
        assert "Bob Builder" not in page
        assert page.count("bob@\N{HORIZONTAL ELLIPSIS}") == page.count("&lt;bob@\N{HORIZONTAL ELLIPSIS}&gt;")


def test_the_user_is_shown_where_they_are_proved(rig: Rig) -> None:
    """So that the page would tell."""
    rig.drop(mail("Mine", *proved(BOB), sender=BOB))
    rig.run()
    assert rig.trac.tickets()[0]["reporter"] == BOB
    assert "Bob Builder" in Reader(rig.trac).get("/ticket/1").text
