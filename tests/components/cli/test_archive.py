"""What trac-admin says of the archive, for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.components.mails import mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox


def lose(mailbox: Mailbox, *numbers: int) -> None:
    """Take mails whose rows are lost afterwards, as after a database of yesterday was put back."""
    mailbox.put(*map(mail, numbers))
    mailbox.run()
    with mailbox.trac.env.db_transaction as db:
        for table in ("mailintake_delivery", "mailintake_message_id", "ticket"):
            db(f"DELETE FROM {table}")


def batch_of(mailbox: Mailbox) -> Path:
    """The only file of the archive."""
    [path] = (mailbox.trac.path / "files" / "mailintake" / "archive").rglob("*.mails")
    return path


def test_an_empty_archive(mailbox: Mailbox) -> None:
    """There is nothing to list, and nothing is wrong."""
    assert mailbox.trac.command("mailintake", "archive", "list").out == "The archive has no such mail.\n"
    assert json.loads(mailbox.trac.command("mailintake", "archive", "list", "--json").out) == []
    verified = mailbox.trac.command("mailintake", "archive", "verify")
    assert (verified.status, verified.out) == (0, "Read: 0 mails in 0 files. Damaged: 0. No row: 0.\n")


def test_the_list_names_what_no_row_has(mailbox: Mailbox) -> None:
    """With its mailbox, so that one can see what it is; JSON has each mail."""
    mailbox.add_service("afterwards=delete")
    lose(mailbox, 1, 2)
    listed = mailbox.trac.command("mailintake", "archive", "list").out
    assert batch_of(mailbox).name in listed
    assert "Mails that no row of the journal has: 2." in listed
    assert f"{mailbox.folder}" in listed
    [batch] = json.loads(mailbox.trac.command("mailintake", "archive", "list", "--json").out)
    assert (batch["recorded"], batch["worker"], batch["unknown_bytes"]) == (True, "over", 0)
    assert [(each["known"], each["delivery"], each["length"]) for each in batch["mails"]] == [
        ("lost", None, len(mail(1))),
        ("lost", None, len(mail(2))),
    ]
    assert all(each["fetched"] > 0 for each in batch["mails"])
    assert "no such mail" in mailbox.trac.command("mailintake", "archive", "list", "--service", "other").out
    assert "no such mail" in mailbox.trac.command("mailintake", "archive", "list", "--since", "2999-01-01").out
    wrong = mailbox.trac.command("mailintake", "archive", "list", "--since", "yesterday")
    assert (wrong.status, "a date such as" in wrong.err) == (2, True)


def test_what_is_filed_has_its_row(mailbox: Mailbox) -> None:
    """By number; a file without records says so."""
    mailbox.add_service("afterwards=delete")
    mailbox.put(mail(1))
    mailbox.run()
    [batch] = json.loads(mailbox.trac.command("mailintake", "archive", "list", "--json").out)
    assert [(each["known"], each["delivery"]) for each in batch["mails"]] == [("row", 1)]
    assert mailbox.trac.command("mailintake", "archive", "verify").status == 0
    path = batch_of(mailbox)
    path.write_bytes(mail(1))
    with mailbox.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET archive_offset=0")
    assert "without records" in mailbox.trac.command("mailintake", "archive", "list").out
    verified = mailbox.trac.command("mailintake", "archive", "verify")
    assert (verified.status, "Files without records: 1" in verified.out) == (0, True)
    [batch] = json.loads(mailbox.trac.command("mailintake", "archive", "list", "--json").out)
    assert [(each["sha256"] != "", each["fetched"]) for each in batch["mails"]] == [(True, 0)]


def test_the_status_of_a_check_says_whether_somebody_must_look(mailbox: Mailbox) -> None:
    """1 for mail without a row, 3 for damage; JSON has the particulars."""
    mailbox.add_service("afterwards=delete")
    lose(mailbox, 1)
    verified = mailbox.trac.command("mailintake", "archive", "verify")
    assert (verified.status, "No row: 1" in verified.out) == (1, True)
    path = batch_of(mailbox)
    path.write_bytes(path.read_bytes().replace(b"smokes", b"burns!"))
    verified = mailbox.trac.command("mailintake", "archive", "verify", "--json")
    assert verified.status == 3
    [damaged] = json.loads(verified.out)["damaged"]
    assert (damaged["what"], damaged["delivery"]) == ("other bytes than were fetched", None)
    content = path.read_bytes()
    path.write_bytes(content[:20] + b"?" + content[21:] + b"more")
    listed = mailbox.trac.command("mailintake", "archive", "list")
    assert "without records" in listed.out


def test_without_yes_nothing_is_filed(mailbox: Mailbox) -> None:
    """It says what would be, so that one can see it first; with --yes it is filed, and that is the end of it."""
    mailbox.add_service("afterwards=delete")
    lose(mailbox, 1, 2)
    for words in ((), ("--dry-run",)):
        said = mailbox.trac.command("mailintake", "archive", "refile", *words)
        assert said.status == 0
        assert said.out.count("The printer smokes") == 2
        assert said.out.endswith("Nothing was done. `archive refile --yes` files these 2 mails, by all rules.\n")
    planned = json.loads(mailbox.trac.command("mailintake", "archive", "refile", "--json").out)
    assert [(each["subject"], each["length"]) for each in planned["mails"]] == [
        ("The printer smokes", len(mail(1))),
        ("The printer smokes", len(mail(2))),
    ]
    assert mailbox.trac.tickets() == []
    done = mailbox.trac.command("mailintake", "archive", "refile", "--yes")
    assert (done.status, done.out) == (0, "support: 2 created\n")
    assert len(mailbox.trac.tickets()) == 2
    done = mailbox.trac.command("mailintake", "archive", "refile", "--yes")
    assert (done.status, done.out) == (0, "There was no mail to file.\n")
    assert mailbox.trac.command("mailintake", "archive", "refile").out == "There is no mail to file.\n"
    status = json.loads(mailbox.trac.command("mailintake", "status", "--json").out)
    assert (status["without_row"], status["without_row_as_of"] > 0) == (0, True)


def test_what_cannot_be_refiled_is_told(mailbox: Mailbox) -> None:
    """A service that is gone, a file without records; and mail that is held must be looked at."""
    mailbox.add_service("afterwards=delete")
    lose(mailbox, 1)
    old = batch_of(mailbox).with_name("old-1.mails")
    old.write_bytes(mail(7))
    mailbox.trac.command("mailintake", "service", "remove", "support")
    for words in ((), ("--yes",)):
        said = mailbox.trac.command("mailintake", "archive", "refile", *words).out
        assert "1 mails are of the service support, which does not exist" in said
        assert "1 files without records" in said
    mailbox.add_service("bulk=hold", "allow=else@example.org")
    done = mailbox.trac.command("mailintake", "archive", "refile", "--yes", "--json")
    assert done.status == 1
    assert json.loads(done.out) == {
        "services": {"support": {"held": 1}},
        "error": "",
        "left_out": [],
        "without_records": 1,
        "without_service": {},
    }
    both = mailbox.trac.command("mailintake", "archive", "refile", "--yes", "--dry-run")
    assert (both.status, "give one of them" in both.err) == (2, True)


def test_status_shows_what_was_found_and_when(mailbox: Mailbox) -> None:
    """Nothing before the first look; it is not a look of its own, which might take long."""
    mailbox.add_service("afterwards=delete")
    assert "Archive:" not in mailbox.trac.command("mailintake", "status").out
    lose(mailbox, 1, 2)
    mailbox.trac.command("mailintake", "archive", "verify")
    status = mailbox.trac.command("mailintake", "status")
    assert (status.status, "Archive: 2 mails that no row of the journal has, as of 20" in status.out) == (1, True)
    figures = json.loads(mailbox.trac.command("mailintake", "status", "--json").out)
    assert (figures["without_row"], figures["without_row_as_of"] > 0) == (2, True)
    batch_of(mailbox).unlink()
    mailbox.trac.command("mailintake", "archive", "verify")
    status = mailbox.trac.command("mailintake", "status")
    assert (status.status, "Archive: the journal has all mails, as of 20" in status.out) == (0, True)
