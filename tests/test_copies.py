"""Copies of mail, proved and unproved, and rates (docs/behaviour.md#duplicates, docs/behaviour.md#rates)."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Rig, mail
from tests.test_proof import ALICE, NOTHING, proved

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

CREATED: Final = ("created", "new")
COPY: Final = ("duplicate", "duplicate")


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service that wants proof; `alice` is a user."""
    rig = Rig(sqlite_env, tmp_path, authserv_ids="mx.example.org", require_auth="true")
    sqlite_env.know("alice", ALICE, "Alice")
    sqlite_env.grant("alice", "TICKET_ADMIN")
    sqlite_env.reopen()
    return rig


def traced(message: bytes, *trace: str) -> bytes:
    """The mail as it comes by another way."""
    return "\n".join(trace).encode() + b"\n" + message


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("bent", ["", "Content-Type: application/octet-stream"])
def test_an_unproved_copy_that_came_first_does_not_keep_the_mail_out(rig: Rig, bent: str, *, together: bool) -> None:
    """Somebody who knows a mail before us sends it on, with or without another type."""
    own = mail("Mine", sender=ALICE)
    forged = traced(own, *NOTHING, *filter(None, [bent]))
    for each in (forged, traced(own, *proved(ALICE)), traced(own, "Received: from z by y", *proved(ALICE)), forged):
        rig.drop(each)
        if not together:
            rig.run()
    rig.run()
    assert rig.outcomes == [CREATED, CREATED, COPY, COPY]
    assert [ticket["reporter"] for ticket in rig.trac.tickets()] == [f"Ann <{ALICE}>", "alice"]


def test_a_proved_mail_makes_its_unproved_copies_duplicates(rig: Rig) -> None:
    """As a second address that some way breaks the signature for."""
    own = mail("Mine", sender=ALICE)
    rig.drop(traced(own, *proved(ALICE)), traced(own, *NOTHING))
    rig.run()
    assert rig.outcomes == [CREATED, COPY]


@pytest.mark.parametrize("first", ["", "mx.example.org"])
def test_a_change_of_authserv_ids_makes_nothing_new(rig: Rig, first: str) -> None:
    """What was filed comes again, with what a server writes into an mbox; proof is what it was then."""
    rig.set(authserv_ids=first)
    own = [traced(mail(f"Mail {number}", sender=ALICE), *proved(ALICE)) for number in range(3)]
    nameless = own[0].replace(b"Message-ID: ", b"X-Nothing: ")
    rig.drop(*own, nameless)
    rig.run()
    assert rig.outcomes == [CREATED] * 4
    rig.set(authserv_ids="" if first else "mx.example.org")
    written = (b"Status: RO\n", b"X-UID: 7\nX-Keywords: \n", b"x-status: A\n", b"X-IMAPbase: 1 2\n folded\n")
    rig.drop(*(line + each for line, each in zip(written, (*own, nameless), strict=True)))
    rig.run()
    assert rig.outcomes[4:] == [COPY] * 4


SAME: Final = (
    ("", "Received: from a by b"),
    ("", "Delivered-To: x@y"),
    ("Content-Length: 5", "Content-Length: 6"),
    ("Content-Type: text/plain; charset=utf-8", "Content-Type:  text/plain;\n\tcharset=utf-8"),
    ("CONTENT-TYPE: text/plain", "Content-Type: text/plain"),
)
OTHERS: Final = (
    ("", "Content-Type: text/html"),
    ("Content-Type: text/plain", "Content-Type: text/html"),
    ("Content-Type: text/plain; charset=utf-8", "Content-Type: text/plain; charset=utf-7"),
    ("Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 7bit"),
    ("", "Content-Disposition: attachment; filename=x"),
    ("Content-Type: text/plain", "Content-Type: text/plain\nContent-Type: text/html"),
)


def test_a_mail_of_another_type_is_another_mail(rig: Rig) -> None:
    """The fields about content are part of what a mail is; trace fields are not."""
    for one, other in (*SAME, *OTHERS):
        base = mail("Same")
        rig.drop(*(traced(base, *filter(None, [each])) for each in (one, other)))
    rig.run()
    assert rig.outcomes == [CREATED, COPY] * len(SAME) + [CREATED, CREATED] * len(OTHERS)


# rates ---------------------------------------------------------------------------------------------------------------


def backlog_is_over(rig: Rig) -> None:
    """After the first run, whose mail does not count."""
    rig.drop(mail("The first"))
    assert rig.trac.command("mailintake", "run", "--force").status == 0


def at(number: int, sender: str, *trace: str) -> bytes:
    """A mail that arrives now."""
    first, *rest = trace
    return mail(f"Mail {number}", first, f"{rest[0]}; {formatdate()}", sender=sender)


def test_unproved_mails_do_not_fill_the_rate_of_a_proved_sender(rig: Rig) -> None:
    """Nor do proved ones fill that of whoever is forged; duplicates count as what they are."""
    backlog_is_over(rig)
    rig.set(rate_sender="3")
    flood = [at(number, ALICE, *NOTHING) for number in range(5)]
    own = [at(10 + number, ALICE, *proved(ALICE)) for number in range(4)]
    rig.drop(*flood, flood[0], *own)
    rig.run()
    held = ("held", "rate-sender")
    assert rig.outcomes[1:] == [CREATED] * 3 + [held] * 2 + [COPY] + [CREATED] * 3 + [held]


def test_unproved_mails_do_not_fill_the_rate_of_a_ticket(rig: Rig) -> None:
    """A forged customer cannot silence those who answer."""
    rig.set(require_auth="false", rate_ticket="2")
    backlog_is_over(rig)
    answers = ["Re: #1 " + str(number) for number in range(3)]
    for trace in (NOTHING, proved("ann@example.com")):
        for subject in answers:
            rig.drop(mail(subject, trace[0], f"{trace[1]}; {formatdate()}"))
            rig.run()
    assert [outcome for outcome, _ in rig.outcomes[1:]] == ["commented", "commented", "held"] * 2


def test_an_old_date_is_not_outside_the_rate_of_a_service(rig: Rig) -> None:
    """Nobody but the sender says it: mail without a Received counts when it comes."""
    backlog_is_over(rig)
    rig.set(rate_service="3")
    rig.drop(*(mail(f"Mail {number}", sender=f"a{number}@example.com") for number in range(6)))
    assert rig.trac.command("mailintake", "run", "--force").status == 3
    assert len(rig.left) == 3
