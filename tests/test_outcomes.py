"""The table of docs/behaviour.md#outcomes, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, id_of, mail
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.decisions import refused
from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.intake.model import Account, Hold, Listed, Reject

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.model import Objection

BULK = ("Precedence: bulk",)


class Refusing:
    """A plugin that objects to a subject."""

    @hookimpl
    def mailintake_screen(self, message: object) -> Objection | None:
        """Object to everything."""
        return Reject("unwanted", "We do not want it.")


class Failing:
    """A plugin through which the database seems to be gone."""

    @hookimpl
    def mailintake_screen(self, message: object) -> Objection | None:
        """Fail as the database would."""
        raise TemporaryFailure("The database could not be used: gone")


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A Maildir service whose mailbox's copies are deleted."""
    return Rig(sqlite_env, tmp_path)


def test_created_is_a_ticket_and_consumes_the_copy(rig: Rig) -> None:
    """A change was recorded: the archive has the bytes, the mailbox no longer."""
    rig.drop(mail("Printer"))
    rig.run()
    assert [ticket["summary"] for ticket in rig.trac.tickets()] == ["Printer"]
    row = rig.journal()[0]
    assert (row["outcome"], row["ticket"], row["notify"]) == ("created", 1, 0)
    assert row["archive"]
    assert row["consumed"]
    assert rig.left == []


def test_commented_is_a_comment_and_consumes_the_copy(rig: Rig) -> None:
    """A reply becomes comment 1 of its parent's ticket, also within one batch."""
    first = mail("Printer")
    rig.drop(first, mail("Re: Printer", f"In-Reply-To: {id_of(first)}"))
    rig.run()
    row = rig.journal()[1]
    assert (row["outcome"], row["rule"], row["ticket"], row["comment"]) == ("commented", "message-id", 1, 1)
    assert rig.left == []


def test_duplicate_is_not_filed_again_and_consumes_the_copy(rig: Rig) -> None:
    """The same mail under another name is recognised, in the same batch and in a later round."""
    copy = mail("Printer")
    rig.drop(copy, copy)
    rig.run()
    rig.drop(b"Received: by another; Mon, 2 Nov 2026 10:00:01 +0000\n" + copy)
    rig.run()
    assert [outcome for outcome, _ in rig.outcomes] == ["created", "duplicate", "duplicate"]
    assert len(rig.trac.tickets()) == 1
    assert rig.left == []


def test_the_same_id_with_another_text_is_filed(rig: Rig) -> None:
    """Senders that reuse an id lose nothing."""
    first = mail("Printer")
    rig.drop(first, first.replace(b"How?", b"And how long?"))
    rig.run()
    assert [outcome for outcome, _ in rig.outcomes] == ["created", "created"]


def test_ignored_is_left_and_remembered(rig: Rig) -> None:
    """`bulk=ignore` leaves the copy where it is, and the next round does not look at it again."""
    rig.set(bulk="ignore")
    rig.drop(mail("Newsletter", *BULK))
    rig.run()
    assert rig.run().counts == {}
    assert [outcome for outcome, _ in rig.outcomes] == ["ignored"]
    assert len(rig.left) == 1


def test_forwarded_is_held_until_the_server_took_it(rig: Rig, smtp_sink: SmtpSink) -> None:
    """Held with rule `forward-pending` and consumed, as it is archived; forwarded once SMTP accepted it."""
    rig.set(bulk="forward", forward="boss@example.org")
    message = mail("Newsletter", *BULK)
    rig.drop(message)
    rig.run()
    assert rig.outcomes == [("held", "forward-pending")]
    assert rig.left == []
    rig.trac.notify_through(smtp_sink)
    smtp_sink.answer = "451 later"
    rig.run()
    assert rig.outcomes == [("held", "forward-pending")]
    smtp_sink.reset()
    with rig.worker() as assembly:
        assembly.outbox.flush(force=True)
    assert rig.outcomes == [("forwarded", "bulk")]
    (sent,) = [each for each in smtp_sink.wait_for(1) if each.recipients == ("boss@example.org",)]
    assert sent.sender == ""
    _, enclosed = sent.message.iter_parts()
    assert enclosed.get_content_type() == "message/rfc822"
    assert message.replace(b"\n", b"\r\n") in sent.content


def test_rejected_consumes_the_archived_copy(rig: Rig) -> None:
    """Refused, kept in the archive, gone from the mailbox."""
    rig.drop(mail())
    rig.run(Refusing())
    row = rig.journal()[0]
    assert (row["outcome"], row["rule"]) == ("rejected", "unwanted")
    assert row["archive"]
    assert rig.left == []
    assert rig.trac.tickets() == []


def test_discarded_is_archived_like_all_and_consumes_the_copy(rig: Rig) -> None:
    """`bulk=delete` throws it away; its bytes stay in the archive."""
    rig.set(bulk="delete")
    rig.drop(mail("Newsletter", *BULK))
    rig.run()
    row = rig.journal()[0]
    assert row["outcome"] == "discarded"
    assert row["archive"]
    assert rig.left == []


def test_held_keeps_the_bytes_and_consumes_the_copy(rig: Rig) -> None:
    """An administrator decides. When they release the mail, it is filed from the archive."""
    rig.trac.env.config.save()
    rig.set(bulk="hold")
    rig.drop(mail("Newsletter", *BULK))
    rig.run()
    assert rig.outcomes == [("held", "bulk")]
    assert rig.left == []
    rig.set(bulk="accept")
    done = rig.trac.admin("mailintake", "held", "retry", "all")
    assert done.status == 0, done
    assert rig.outcomes == [("created", "new")]
    assert [ticket["summary"] for ticket in rig.trac.tickets()] == ["Newsletter"]


def test_deferred_is_left_and_tried_again(rig: Rig) -> None:
    """Something of ours is down: no attempt counted, the copy stays, and the mail is filed when it is back."""
    rig.drop(mail("Printer"))
    report = rig.run(Failing())
    assert "database" in report.down
    row = rig.journal()[0]
    assert (row["outcome"], row["attempts"]) == (None, 0)
    assert "gone" in row["failure"]
    assert len(rig.left) == 1
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=0")
    rig.run()
    assert rig.outcomes == [("created", "new")]
    assert rig.left == []


@dataclass(frozen=True)
class Cell:
    """A way to an outcome through the pipe, and what `deliver` ends with."""

    outcome: str | None
    status: int
    settings: dict[str, str]
    fields: tuple[str, ...] = ()


CELLS = {
    "created": Cell("created", 0, {}),
    "ignored": Cell("ignored", 0, {"bulk": "ignore"}, BULK),
    "forward-pending": Cell("held", 0, {"bulk": "forward", "forward": "boss@example.org"}, BULK),
    "rejected": Cell("rejected", 77, {"block": "ann@example.com"}),
    "discarded": Cell("discarded", 0, {"bulk": "delete"}, BULK),
    "held": Cell("held", 0, {"bulk": "hold"}, BULK),
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_deliver_ends_as_the_outcome_says(sqlite_env: TracEnv, tmp_path: Path, cell: Cell) -> None:
    """The MTA is told what became of the mail; handing the same one over again says the same."""
    rig = Rig(sqlite_env, tmp_path)
    rig.trac.admin("mailintake", "service", "add", "pipe", "kind=pipe", *_typed(cell.settings))
    message = mail("Printer", *cell.fields)
    for _ in range(2):
        done = rig.deliver(message)
        assert done.status == cell.status, done
    assert [outcome for outcome, _ in rig.outcomes] == [cell.outcome]


def test_deliver_of_a_reply_and_of_a_copy_ends_with_0(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Commented and duplicate are taken, too."""
    rig = Rig(sqlite_env, tmp_path)
    rig.trac.admin("mailintake", "service", "add", "pipe", "kind=pipe")
    first = mail("Printer")
    messages = (first, mail("Re: Printer", f"In-Reply-To: {id_of(first)}"), b"Received: by x\n" + first)
    assert [rig.deliver(message).status for message in messages] == [0, 0, 0]
    assert [outcome for outcome, _ in rig.outcomes] == ["created", "commented", "duplicate"]


def test_deliver_defers_with_75_while_the_archive_cannot_be_written(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """The MTA keeps the mail, and hands it over again with success."""
    rig = Rig(sqlite_env, tmp_path)
    rig.trac.admin("mailintake", "service", "add", "pipe", "kind=pipe")
    archive = rig.trac.path / "files" / "mailintake" / "archive"
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_text("a file where the folder should be")
    message = mail("Printer")
    assert rig.deliver(message).status == 75
    assert rig.trac.tickets() == []
    archive.unlink()
    assert rig.deliver(message).status == 0
    assert len(rig.trac.tickets()) == 1


def _typed(settings: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in settings.items()]


def test_what_one_service_leaves_another_takes_from_the_same_mailbox(trac_env: TracEnv, tmp_path: Path) -> None:
    """Each takes the mail for its own address, in whatever order they run, and nobody takes the rest."""
    rig = Rig(trac_env, tmp_path, catchemail="support@example.org")
    typed = {"kind": "maildir", "path": str(rig.maildir), "catchemail": "sales@example.org"}
    settings_of(trac_env.env).services.add("sales", typed)
    for name in ("support", "sales", "board"):
        rig.drop(mail(f"For {name}").replace(b"To: support@", f"To: {name}@".encode()))
    for _ in range(2):
        assert trac_env.command("mailintake", "run", "--force").status == 0
    rows = trac_env.query("SELECT service, state, subject FROM mailintake_delivery WHERE state<>'ignored'")
    assert sorted(rows) == [("sales", "created", "For sales"), ("support", "created", "For support")]
    left = trac_env.query("SELECT service, rule, subject FROM mailintake_delivery WHERE state='ignored'")
    assert {rule for _, rule, _ in left} == {"catchemail"}
    assert [service for service, _, subject in sorted(left) if subject == "For board"] == ["sales", "support"]


def test_an_administrator_is_told_of_held_mail_where_something_is_broken(
    trac_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink
) -> None:
    """By the rules that say so, and by no other: neither of the product nor of a plugin."""
    rig = Rig(trac_env, tmp_path)
    trac_env.notify_through(smtp_sink)
    trac_env.set(("mailintake", "admin_address", "boss@example.org"))
    slugs = [*reasons.RULES, "acme"]
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        account = Account("imap", "imap://ann@mail.example.org/INBOX")
        assembly.mailbox.reconcile(service, account, [Listed(slug, slug) for slug in slugs])
        claimed = assembly.claims.claim(service, account, len(slugs))
        held = [refused(each, None, service, Hold(each.listed.locator, "So."), ()) for each in claimed]
        assembly.recorder.record(held)
    told = trac_env.query("SELECT subject FROM mailintake_outbox WHERE kind='alert'")
    assert sorted(told) == [("crashes",), ("failed",), ("unreadable",), ("unserved",)]
