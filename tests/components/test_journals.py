"""What trac-admin says of the journal, and does with held mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

AUTOMATIC = "Auto-Submitted: auto-replied\n"


def test_the_journal_tells_what_became_of_each_mail_and_why(mailbox: Mailbox) -> None:
    """The newest first; filters narrow it down."""
    mailbox.add_service()
    mailbox.put(mail(1), mail(2, subject="Out of office", more=AUTOMATIC), mail(1))
    mailbox.run()
    entries = json.loads(mailbox.trac.command("mailintake", "journal", "list", "--json").out)
    assert [entry["outcome"] for entry in entries] == ["duplicate", "held", "created"]
    for words, number in (
        (["outcome=held"], 1),
        (["text=office"], 1),
        (["text=OFFICE"], 1),
        (["text=100%"], 0),
        (["sender=ann@"], 3),
        (["ticket=1", "outcome=created"], 1),
        (["service=other"], 0),
        (["--limit", "2"], 2),
    ):
        listed = json.loads(mailbox.trac.command("mailintake", "journal", "list", "--json", *words).out)
        assert len(listed) == number, words
    shown = mailbox.trac.command("mailintake", "journal", "show", "1")
    assert "created #1 (new)" in shown.out
    assert "<1@example.net>" in shown.out
    assert "route" in shown.out


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


def test_old_bytes_are_purged_and_held_mail_is_not(mailbox: Mailbox) -> None:
    """The journal stays, and a mail that was left in its mailbox is not filed again."""
    mailbox.add_service("afterwards=leave")
    mailbox.put(mail(1))
    mailbox.run()
    mailbox.put(mail(2, more=AUTOMATIC))
    mailbox.run()
    (day,) = (mailbox.trac.path / "files" / "mailintake" / "archive").glob("*/*/*")
    old = day.parents[2] / "2001" / "01" / "31"
    old.mkdir(parents=True)
    for batch in list(day.iterdir()):
        batch.rename(old / batch.name)
    today, then = "/".join(day.parts[-3:]), "2001/01/31"
    with mailbox.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET archive=REPLACE(archive, %s, %s)", (today, then))
    purged = mailbox.trac.command("mailintake", "purge")
    assert purged.out.startswith(f"1 mails purged, {len(mail(1))} bytes in 1 files removed; 1 old files stay")
    assert mailbox.trac.admin("mailintake", "journal", "raw", "2").out.encode() == mail(2, more=AUTOMATIC)
    gone = mailbox.trac.admin("mailintake", "journal", "raw", "1")
    assert gone.status == 2
    assert "purged" in gone.err
    assert mailbox.run("support").out == "support: no new mail\n"
    mailbox.trac.command("mailintake", "held", "discard", "2")
    assert mailbox.trac.command("mailintake", "purge").out.startswith("1 mails purged")
    assert not old.parents[1].exists()


def test_mail_is_kept_for_ever_where_that_is_wanted(mailbox: Mailbox) -> None:
    """`archive_days = 0`, and no day is old enough."""
    mailbox.add_service()
    mailbox.put(mail(1))
    mailbox.run()
    mailbox.trac.set(("mailintake", "archive_days", "0"))
    old = mailbox.trac.path / "files" / "mailintake" / "archive" / "2001" / "01" / "31"
    old.mkdir(parents=True)
    (old / "stray.mails").touch()
    assert mailbox.trac.command("mailintake", "purge").out.startswith("0 mails purged")
    assert (old / "stray.mails").exists()
