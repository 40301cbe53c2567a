"""What a record says afterwards, to people, to the next round, and to another service on the same mailbox."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, id_of, mail
from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.people.contacts import remembered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv
    from trac_mailintake.mail.message import Message


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


class Meanwhile:
    """A plugin during whose work something happens elsewhere, once."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self.asked = 0

    @hookimpl
    def mailintake_screen(self, message: Message) -> None:
        """See `hookspecs`."""
        self.asked += 1
        if self.asked == 1:
            other = Thread(target=self._work)
            other.start()
            other.join(30)


class Down:
    """A plugin that needs something that is down."""

    @hookimpl
    def mailintake_screen(self, message: object) -> None:
        """See `hookspecs`."""
        raise TemporaryFailure("The directory is down.")


def shown(rig: Rig, number: int) -> str:
    """What the command says of a mail."""
    return rig.trac.command("mailintake", "journal", "show", str(number)).out


def test_an_answer_follows_what_was_filed_while_it_was_decided(rig: Rig) -> None:
    """Another worker files the mail that it answers: it becomes a comment there, and no ticket of its own."""
    question = mail("A question")
    rig.drop(question)
    rig.run()
    columns = "hash, copy, outgoing, ticket, delivery, recorded"
    [row] = rig.trac.query(f"SELECT {columns} FROM mailintake_message_id")
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM mailintake_message_id")

    def file() -> None:
        with transaction(rig.trac.env) as db:
            db(f"INSERT INTO mailintake_message_id ({columns}) VALUES (%s, %s, %s, %s, %s, %s)", row)

    plugin = Meanwhile(file)
    rig.drop(mail("Re: A question", f"In-Reply-To: {id_of(question)}"))
    rig.run(plugin)
    assert rig.outcomes == [("created", "new"), ("commented", "message-id")]
    assert len(rig.trac.tickets()) == 1
    assert plugin.asked == 2


def test_mail_without_an_id_is_recognised_by_its_bytes(rig: Rig) -> None:
    """A second delivery of the same bytes is a duplicate; other bytes are another mail."""
    first = mail("No id").replace(b"Message-ID", b"X-Was-Id")
    rig.drop(first, first, first.replace(b"How?", b"Why?"))
    rig.run()
    assert [outcome for outcome, _ in rig.outcomes] == ["created", "duplicate", "created"]


def test_mail_that_is_too_large_has_a_row_without_bytes(rig: Rig) -> None:
    """It is held where it is, in its mailbox; nothing says that it could be decided from the archive."""
    rig.trac.set(("mailintake", "archive_max_size", "2K"))
    rig.drop(mail("Small"), mail("Large", body="x" * 5000))
    rig.run()
    rows = rig.trac.query("SELECT state, archive IS NULL, archive_length FROM mailintake_delivery ORDER BY id")
    assert [(state, bool(nowhere), bool(length)) for state, nowhere, length in rows] == [
        ("created", False, True),
        ("held", True, False),
    ]
    assert [b"Large" in each for each in rig.left] == [True]


def test_what_left_its_mailbox_says_where_it_was_read(rig: Rig) -> None:
    """It was fetched, put off, and then somebody emptied the mailbox."""
    rig.drop(mail("Read from the archive"))
    rig.run(Down())
    assert rig.journal()[0]["state"] == "sealed"
    for path in (*(rig.maildir / "new").iterdir(), *(rig.maildir / "cur").iterdir()):
        path.unlink()
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=0")
    rig.run()
    assert rig.outcomes == [("created", "new")]
    assert "its bytes were in the archive by then" in shown(rig, 1)


def test_what_left_its_mailbox_cannot_be_left_to_another_service(rig: Rig) -> None:
    """It is not for this service, and there is no mailbox any more where another one could find it: it is held."""
    rig.drop(mail("For somebody else"))
    rig.run(Down())
    for path in (*(rig.maildir / "new").iterdir(), *(rig.maildir / "cur").iterdir()):
        path.unlink()
    rig.set(catchemail="sales@example.org")
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=0")
    rig.run()
    assert [outcome for outcome, _ in rig.outcomes] == ["held"]


def test_two_services_share_a_mailbox_by_their_addresses(rig: Rig) -> None:
    """What one leaves to the other is filed by that one, once, however often both look."""
    rig.set(catchemail="support@example.org", afterwards="leave")
    rig.trac.command(
        *("mailintake", "service", "add", "sales", "kind=maildir", f"path={rig.maildir}"),
        *("catchemail=sales@example.org", "afterwards=leave"),
    )
    rig.drop(mail("Help"), mail("An offer").replace(b"To: support@", b"To: sales@"))
    for _ in range(3):
        assert rig.trac.command("mailintake", "run", "--force").status == 0
    found = rig.trac.query(
        "SELECT service, subject FROM mailintake_delivery WHERE state='created' ORDER BY service DESC"
    )
    assert found == [("support", "Help"), ("sales", "An offer")]
    assert len(rig.trac.tickets()) == 2


def test_a_newcomer_is_remembered_with_the_mail(rig: Rig) -> None:
    """Once, by their first mail that was filed; not if it was held."""
    rig.set(createusers="true", bulk="hold")
    rig.drop(
        mail("Held", "Precedence: bulk", sender="zora@example.net"),
        mail("One"),
        mail("Two"),
        mail("Three", sender="bob@example.net"),
    )
    rig.run()
    assert [(each.address, each.name) for each in remembered(rig.trac.env)] == [
        ("ann@example.com", "Ann"),
        ("bob@example.net", "Ann"),
    ]


@pytest.mark.parametrize("answer", ["250 kept", "451 later"])
def test_a_notification_is_owed_until_it_was_sent(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink, answer: str
) -> None:
    """With Trac's own tickets, too, nobody is told twice; what a crash left is sent by the next run."""
    rig = Rig(sqlite_env, tmp_path)
    sqlite_env.know("ann", "ann@example.com")
    sqlite_env.notify_through(smtp_sink)
    sqlite_env.set(("notification", "smtp_always_cc", "boss@example.org"))
    rig.drop(mail("Tell them"))
    smtp_sink.answer = answer
    with rig.worker() as assembly:
        service = assembly.settings.services.get("support")
        assembly.spine.run(service, assembly.settings.open(service))
    assert rig.outcomes == [("created", "new")]
    smtp_sink.answer = "250 kept"
    with rig.worker() as assembly:
        assembly.recorder.announce_owed()
    assert rig.journal()[0]["notify"] == 0
    told = [each for each in smtp_sink.sent if "boss@example.org" in each.recipients]
    assert len(told) == 1
