"""Two of us, an autoresponder, a mailing list: each stops within three mails by itself.

All of them are as careless as may be: `bulk=accept`, notices and acknowledgements to everybody.
"""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from tests.loops.post import Post, office, run_until_quiet
from tests.rig import Rig, mail
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.dovecot import Dovecot
    from tests.servers.smtp_sink import Sent, SmtpSink

FEW = 3
OURS = "support@one.example.org"
THEIRS = "help@two.example.org"


@pytest.fixture
def post(dovecot: Dovecot, smtp_sink: SmtpSink) -> Post:
    """Nobody has an address yet."""
    return Post(dovecot, smtp_sink)


@pytest.fixture
def other_env(tmp_path: Path) -> Iterator[TracEnv]:
    """A second environment."""
    trac = TracEnv.create(tmp_path / "other")
    yield trac
    trac.close()


def first_mail(sender: str, to: str = OURS, *, number: int = 1) -> bytes:
    """What begins it."""
    return (
        f"From: <{sender}>\r\nTo: {to}\r\nSubject: Begin\r\nMessage-ID: <begin{number}@example.com>\r\n"
        "Date: Mon, 02 Nov 2026 10:00:00 +0000\r\n\r\nHello.\r\n"
    ).encode()


@pytest.mark.parametrize("bulk", [{}, {"bulk": "accept", "acknowledge": "always"}], ids=["as-is", "careless"])
def test_two_environments_that_mail_each_other(
    sqlite_env: TracEnv, other_env: TracEnv, post: Post, bulk: dict[str, str]
) -> None:
    """Each has the other in cc of all notifications, and answers go to where Reply-To says."""
    office(sqlite_env, post, OURS, cc=THEIRS, **bulk)
    office(other_env, post, THEIRS, cc=OURS, **bulk)
    post.put(OURS, first_mail("ann@example.com"), "ann@example.com")
    run_until_quiet(post, sqlite_env, other_env)
    assert 1 <= len(post.carried) <= FEW
    assert len(sqlite_env.tickets()) + len(other_env.tickets()) <= FEW


def responder(headers: dict[str, str]) -> object:
    """A program that answers every mail, with these headers."""
    numbers = iter(range(1000))

    def answer(sent: Sent) -> list[bytes]:
        reply = EmailMessage()
        reply["From"] = "away@example.com"
        reply["To"] = str(sent.message["From"])
        reply["Subject"] = f"Re: {sent.message['Subject']}"
        reply["Message-ID"] = f"<away{next(numbers)}@example.com>"
        reply["In-Reply-To"] = str(sent.message["Message-ID"])
        for name, value in headers.items():
            reply[name] = value
        reply.set_content("I am away.")
        return [reply.as_bytes()]

    return answer


@pytest.mark.parametrize("settings", [{}, {"bulk": "accept", "acknowledge": "always"}], ids=["as-is", "careless"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"X-Autoreply": "yes"},
        {"Precedence": "bulk"},
    ],
    ids=["rfc3834", "x-autoreply", "precedence"],
)
def test_an_autoresponder(sqlite_env: TracEnv, post: Post, settings: dict[str, str], headers: dict[str, str]) -> None:
    """It is in cc of everything, and answers everything, to where Reply-To says."""
    office(sqlite_env, post, OURS, cc="away@example.com", **settings)
    post.programs["away@example.com"] = responder(headers)  # type: ignore[assignment]  # it is a Reader
    post.put(OURS, first_mail("ann@example.com"), "ann@example.com")
    run_until_quiet(post, sqlite_env)
    assert 1 <= len(post.carried) <= FEW
    assert len(sqlite_env.tickets()) <= FEW


@pytest.mark.parametrize("settings", [{}, {"acknowledge": "always"}], ids=["as-is", "careless"])
def test_a_mailing_list(sqlite_env: TracEnv, post: Post, settings: dict[str, str]) -> None:
    """The intake is subscribed to a list that is in cc of its notifications, and that takes mail from anybody."""
    address = "list@lists.example.com"
    office(sqlite_env, post, OURS, cc=address, **settings)

    def distribute(sent: Sent) -> list[bytes]:
        head, _, body = sent.content.replace(b"\r\n", b"\n").partition(b"\n\n")
        kept = [line for line in head.split(b"\n") if not line.lower().startswith((b"precedence:", b"return-path:"))]
        ours = [b"List-Id: <list.lists.example.com>", b"Precedence: list", b"Sender: list-bounces@lists.example.com"]
        return [b"\n".join([*ours, *kept]) + b"\n\n" + body + b"\n-- \nlist mailing list\n"]

    post.programs[address] = distribute
    post.put(OURS, first_mail("ann@example.com", address), "ann@example.com")
    run_until_quiet(post, sqlite_env)
    assert 1 <= len(post.carried) <= FEW
    assert len(sqlite_env.tickets()) == 1


def test_a_list_that_rewrites_everything_is_stopped_by_its_rate(sqlite_env: TracEnv, post: Post) -> None:
    """No header of ours is left, and it has a new id and another author: the sender's rate ends it."""
    address = "list@lists.example.com"
    office(sqlite_env, post, OURS, cc=address, rate_sender=str(FEW))
    sqlite_env.set(("mailintake", "address", ""))
    numbers = iter(range(1000))

    def distribute(sent: Sent) -> list[bytes]:
        return [first_mail("member@example.com", number=100 + next(numbers))]

    post.programs[address] = distribute
    sqlite_env.command("mailintake", "run", "--force")
    post.put(OURS, first_mail("ann@example.com"), "ann@example.com")
    run_until_quiet(post, sqlite_env)
    assert len(post.carried) <= FEW + 1
    ((outcome, rule),) = sqlite_env.query("SELECT state, rule FROM mailintake_delivery ORDER BY id DESC LIMIT 1")
    assert (outcome, rule) == ("held", "rate-sender")


def test_a_rejected_mailer_daemon_is_not_told(sqlite_env: TracEnv, post: Post) -> None:
    """A notice that bounces is the end of it."""
    office(sqlite_env, post, OURS, block="example.com", bulk="accept")
    post.programs["ann@example.com"] = lambda sent: [
        b"From: MAILER-DAEMON@example.com\r\nAuto-Submitted: auto-replied\r\nSubject: Undeliverable\r\n\r\n"
        + sent.content
    ]
    post.put(OURS, first_mail("ann@example.com"), "ann@example.com")
    run_until_quiet(post, sqlite_env)
    assert len(post.carried) == 1


@pytest.mark.parametrize("bulk", ["accept", "hold"])
def test_the_fields_of_a_trac_fill_no_mailbox(sqlite_env: TracEnv, tmp_path: Path, bulk: str) -> None:
    """Anybody can write them: the mail is held, where somebody sees it, and its copy leaves the mailbox."""
    rig = Rig(sqlite_env, tmp_path, bulk=bulk)
    ours = ("X-Trac-Version: 1.6", f"X-Trac-Project: {sqlite_env.env.project_name}", "X-URL: http://trac.example.org/")
    rig.drop(mail("Hello", *ours), mail("Hello", "X-Trac-Ticket-ID: 1", "List-Id: <tickets.example.com>"))
    rig.run()
    assert rig.outcomes == [("held", "auto-reply")] * 2
    assert rig.left == []
    assert sqlite_env.tickets() == []
