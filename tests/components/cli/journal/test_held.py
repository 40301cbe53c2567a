"""What trac-admin does with held mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from trac.admin.api import AdminCommandManager

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


AUTOMATIC = "Auto-Submitted: auto-replied\n"


def test_held_mail_is_filed_once_its_hindrance_is_gone(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """From the archive: the mailbox's copy is long gone."""
    box = Mailbox(sqlite_env, tmp_path / "maildir")
    box.add_service("afterwards=delete")
    box.put(mail())
    assert box.run().out == "support: 1 held\n"
    assert box.left() == 0
    assert "permission" in sqlite_env.command("mailintake", "held", "list").out
    still = sqlite_env.command("mailintake", "held", "retry", "1")
    assert still.status == 1
    assert still.out.startswith("1: held (permission)")
    sqlite_env.grant("anonymous", "TICKET_CREATE")
    sqlite_env.reopen()
    assert sqlite_env.command("mailintake", "held", "retry", "all").out.startswith("1: created #1")
    assert [ticket["summary"] for ticket in sqlite_env.tickets()] == ["The printer smokes"]
    assert sqlite_env.command("mailintake", "held", "list").out == "No mail is held.\n"
    refused = sqlite_env.command("mailintake", "held", "retry", "1")
    assert refused.status == 2
    assert "this one is created" in refused.err
    assert len(sqlite_env.tickets()) == 1


def test_held_mail_is_discarded_and_stays_in_the_journal(mailbox: Mailbox) -> None:
    """With its bytes, and never twice."""
    mailbox.add_service()
    mailbox.put(mail(more=AUTOMATIC))
    mailbox.run()
    assert mailbox.trac.command("mailintake", "held", "discard", "1").out == "1: discarded\n"
    (entry,) = json.loads(mailbox.trac.command("mailintake", "journal", "list", "--json").out)
    assert (entry["outcome"], entry["rule"]) == ("discarded", "administrator")
    assert mailbox.trac.command("mailintake", "held", "discard", "1").status == 2
    assert mailbox.trac.admin("mailintake", "journal", "raw", "1").out.encode() == mail(more=AUTOMATIC)


def test_held_mail_is_exported_byte_for_byte(mailbox: Mailbox, tmp_path: Path) -> None:
    """And no file is overwritten."""
    mailbox.add_service()
    mailbox.put(mail(more=AUTOMATIC, text="ümlaut"))
    mailbox.run()
    target = tmp_path / "exported.eml"
    assert mailbox.trac.command("mailintake", "held", "export", "1", str(target)).status == 0
    assert target.read_bytes() == mail(more=AUTOMATIC, text="ümlaut")
    assert mailbox.trac.command("mailintake", "held", "export", "1", str(target)).status == 2


def test_what_cannot_be_decided_again_says_why(mailbox: Mailbox) -> None:
    """Not why it was held at first: that is overcome. Once the archive is back, it is filed."""
    trac = mailbox.trac
    mailbox.add_service("allow=else@example.com")
    mailbox.put(mail())
    mailbox.run()
    trac.command("mailintake", "service", "set", "support", "allow=")
    [batch] = (trac.path / "files" / "mailintake" / "archive").rglob("*.mails")
    content = batch.read_bytes()
    batch.write_bytes(content[:-40])
    for words in (("retry", "1"), ("retry", "all"), ("release", "1", "new")):
        said = trac.command("mailintake", "held", *words)
        assert said.status == 1
        assert said.out.startswith("1: held (allow): ")
        assert "ends 40 bytes before it should" in said.out
        assert "allow list" not in said.out
    batch.write_bytes(content)
    assert trac.command("mailintake", "held", "retry", "1").out.startswith("1: created #1")


def test_a_failure_from_before_is_no_reason(mailbox: Mailbox) -> None:
    """The archive was broken once; now a rule holds the mail, and says why."""
    trac = mailbox.trac
    mailbox.add_service("allow=else@example.com")
    mailbox.put(mail())
    mailbox.run()
    [batch] = (trac.path / "files" / "mailintake" / "archive").rglob("*.mails")
    content = batch.read_bytes()
    batch.write_bytes(content[:-40])
    trac.command("mailintake", "held", "retry", "1")
    batch.write_bytes(content)
    said = trac.command("mailintake", "held", "retry", "1")
    assert (said.status, "is not on the allow list" in said.out) == (1, True)
    assert "ends 40 bytes" not in said.out


def test_one_that_cannot_be_retried_keeps_no_other_waiting(mailbox: Mailbox) -> None:
    """The first has never been archived, since it was too large; the second waits for the outgoing server."""
    trac = mailbox.trac
    mailbox.add_service("forward=boss@example.com", "bulk=forward")
    trac.set(("mailintake", "archive_max_size", "2K"))
    mailbox.put(mail(1, text="large " * 1000), mail(2, more=AUTOMATIC))
    mailbox.run()
    trac.command("mailintake", "service", "set", "support", "allow=else@example.com")
    mailbox.put(mail(3), mail(4))
    mailbox.run()
    trac.command("mailintake", "service", "set", "support", "allow=")
    said = trac.command("mailintake", "held", "retry", "all")
    assert said.status == 1
    assert [line.split(" (")[0] for line in said.out.splitlines()] == ["3: created #1", "4: created #2"]
    assert [line.split(":")[0] for line in said.err.splitlines()] == ["1", "2"]
    assert "queue flush" in said.err
    mailbox.put(mail(5, more=AUTOMATIC))
    trac.command("mailintake", "service", "set", "support", "bulk=hold")
    mailbox.run()
    trac.command("mailintake", "service", "set", "support", "bulk=accept")
    said = trac.command("mailintake", "held", "retry", "77", "5", "1")
    assert (said.status, said.out.split(" (")[0]) == (2, "5: created #3")
    assert "Not decided again: 77, 1" in said.err


@pytest.mark.parametrize(("word", "became"), [("new", "created #2"), ("#1", "commented #1"), ("1", "commented #1")])
def test_held_mail_is_released_to_a_ticket(mailbox: Mailbox, word: str, became: str) -> None:
    """A new one or one that there is, for a user if one is named; to one that there is not it stays held."""
    mailbox.add_service()
    mailbox.put(mail(1))
    mailbox.put(mail(2, more=AUTOMATIC))
    mailbox.run()
    missing = mailbox.trac.command("mailintake", "held", "release", "2", "99")
    assert (missing.status, "99" in missing.err) == (2, True)
    [held] = json.loads(mailbox.trac.command("mailintake", "held", "list", "service=support", "--json").out)
    assert held["id"] == 2
    released = mailbox.trac.command("mailintake", "held", "release", "2", word, "--user", "admin")
    assert released.out.startswith(f"2: {became}")
    assert mailbox.trac.command("mailintake", "held", "list").out == "No mail is held.\n"
    assert len(mailbox.trac.tickets()) == (2 if word == "new" else 1)


def test_numbers_of_held_mail_are_completed(mailbox: Mailbox) -> None:
    """Of those only that are held."""
    mailbox.add_service()
    mailbox.put(mail(1), mail(2, more=AUTOMATIC))
    mailbox.run()
    complete = AdminCommandManager(mailbox.trac.env).complete_command
    assert complete(["mailintake", "held", "retry", ""]) == ["2"]
