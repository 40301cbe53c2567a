"""What trac-admin says of the journal, and how old mail is purged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail

if TYPE_CHECKING:
    from tests.components.mails import Mailbox

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
    sizes = [batch.stat().st_size for batch in day.iterdir() if mail(1) in batch.read_bytes()]
    for batch in list(day.iterdir()):
        batch.rename(old / batch.name)
    today, then = "/".join(day.parts[-3:]), "2001/01/31"
    with mailbox.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET archive=REPLACE(archive, %s, %s)", (today, then))
    purged = mailbox.trac.command("mailintake", "purge")
    assert purged.out.startswith(f"1 mails purged, {sum(sizes)} bytes in 1 files removed; 1 old files stay")
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


def test_a_mail_is_shown_for_programs(mailbox: Mailbox) -> None:
    """All that is known of it; and its bytes, as they came."""
    mailbox.add_service()
    mailbox.put(mail(1))
    mailbox.run()
    shown = json.loads(mailbox.trac.command("mailintake", "journal", "show", "1", "--json").out)
    assert (shown["outcome"], shown["ticket"], shown["subject"]) == ("created", 1, "The printer smokes")
    assert shown["trail"]
    assert mailbox.trac.command("mailintake", "journal", "show", "#1").status == 2
    assert mailbox.trac.command("mailintake", "journal", "show", "2").status == 2


@pytest.mark.parametrize(("typed", "said"), [("colour=red", "Allowed: service"), ("ticket=first", "first")])
def test_a_filter_that_there_is_not_is_said(mailbox: Mailbox, typed: str, said: str) -> None:
    """Nothing is listed that was not asked for."""
    listed = mailbox.trac.command("mailintake", "journal", "list", typed)
    assert (listed.status, listed.out) == (2, "")
    assert said in listed.err
