"""What trac-admin does with held mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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
