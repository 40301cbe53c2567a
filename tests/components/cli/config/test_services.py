"""What trac-admin says of services."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


AUTOMATIC = "Auto-Submitted: auto-replied\n"


def test_adding_a_service_says_how_many_mails_wait(mailbox: Mailbox) -> None:
    """Nobody shall be surprised by a first run."""
    mailbox.put(mail(1), mail(2), mail(3))
    added = mailbox.add_service()
    assert added.status == 0
    assert "3 mails wait; the first run takes them all." in added.out
    assert "Note:" not in added.out


def test_adding_a_service_whose_mailbox_cannot_be_reached_says_so(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """It is added all the same: the folder may come later."""
    added = Mailbox(sqlite_env, tmp_path / "there").trac.command(
        "mailintake", "service", "add", "support", "kind=maildir", f"path={tmp_path}/not/there"
    )
    assert added.status == 0
    assert "could not be found out" in added.out


def test_adding_a_service_warns_when_strangers_mail_would_be_held(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """On a fresh Trac anonymous may only look; the note names both ways out."""
    box = Mailbox(sqlite_env, tmp_path / "maildir")
    added = box.add_service()
    assert "strangers' mail will be held" in added.out
    assert "service set support reporterusername=USER" in added.out
    sqlite_env.grant("mailbot", "TICKET_CREATE")
    changed = sqlite_env.command("mailintake", "service", "set", "support", "reporterusername=mailbot")
    assert "strangers" not in changed.out


def test_services_are_listed_with_the_mail_queue(mailbox: Mailbox) -> None:
    """The queue is built in: it is listed, and cannot be removed."""
    mailbox.add_service("description=für Kunden", "stripquotes=false")
    listed = mailbox.trac.command("mailintake", "service", "list")
    assert "support" in listed.out
    assert "Mail queue" in listed.out
    (service,) = json.loads(mailbox.trac.command("mailintake", "service", "list", "--json").out)
    assert (service["name"], service["description"]) == ("support", "für Kunden")
    assert service["parameters"]["stripquotes"] == "false"
    assert mailbox.trac.command("mailintake", "service", "remove", "Mail queue").status == 2


def test_a_disabled_service_does_not_run_until_it_is_enabled(mailbox: Mailbox) -> None:
    """Not when it is named either, and the refusal says what to type."""
    mailbox.add_service()
    mailbox.put(mail())
    assert mailbox.trac.command("mailintake", "service", "disable", "support").status == 0
    refused = mailbox.run("support")
    assert refused.status == 2
    assert "mailintake service enable support" in refused.err
    assert mailbox.run().out == ""
    assert mailbox.trac.command("mailintake", "service", "enable", "support").status == 0
    assert mailbox.trac.command("mailintake", "run").out == "support: 1 created\n"


def test_a_service_with_held_mail_is_not_removed(mailbox: Mailbox) -> None:
    """Only once it is dealt with; the journal stays."""
    mailbox.add_service("bulk=hold")
    mailbox.put(mail(more=AUTOMATIC))
    mailbox.run()
    refused = mailbox.trac.command("mailintake", "service", "remove", "support")
    assert refused.status == 2
    assert "1 held" in refused.err
    mailbox.trac.command("mailintake", "held", "discard", "1")
    assert mailbox.trac.command("mailintake", "service", "remove", "support").status == 0
    (entry,) = json.loads(mailbox.trac.command("mailintake", "journal", "list", "--json").out)
    assert (entry["service"], entry["outcome"]) == ("support", "discarded")
