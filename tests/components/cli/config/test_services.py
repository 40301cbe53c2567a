"""What trac-admin says of services."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandManager

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
    notes = [line for line in added.out.splitlines() if line.startswith("Note:")]
    assert [note.split()[1] for note in notes] == ["component:"], "a fresh Trac has no default for it"
    mailbox.trac.set(("ticket", "default_component", "component1"))
    assert "Note:" not in mailbox.trac.command("mailintake", "service", "set", "support", "delay=2").out


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
    assert "service set support actas=USER" in added.out
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


def test_the_list_says_where_mail_comes_from_and_when_it_is_fetched_next(mailbox: Mailbox) -> None:
    """A disabled or stopped service never runs, nor does one that has no mailbox; one of them says why."""
    trac = mailbox.trac
    trac.command("mailintake", "server", "add", "main", "host=127.0.0.1", "port=1", "security=none", "password=x")
    for name in ("fresh", "off", "broken"):
        mailbox.add_service(name=name)
    trac.command("mailintake", "service", "add", "far", "kind=imap", "server=main", "folder=Tickets")
    piped = trac.command("mailintake", "service", "add", "piped", "kind=pipe")
    assert "wait" not in piped.out
    trac.command("mailintake", "service", "disable", "off")
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET stopped='5 times in a row: a fault', next_run=1 WHERE name='broken'")
    lines = trac.command("mailintake", "service", "list").out.splitlines()
    rows = {words[0]: line for line in lines if (words := line.split())}
    assert str(mailbox.folder) in rows["fresh"]
    assert "main/Tickets" in rows["far"]
    assert {name: rows[name].split()[-1] for name in ("fresh", "off", "broken", "piped")} == {
        "fresh": "now",
        "off": "never",
        "broken": "never",
        "piped": "never",
    }
    assert "disabled" in rows["off"]
    assert "stopped: 5 times in a row: a fault" in rows["broken"]


def test_one_mail_waits_and_is_left_if_that_is_wanted(mailbox: Mailbox) -> None:
    """`start` says which mail counts; the sentence says so before the first run."""
    mailbox.put(mail(1))
    assert "1 mail waits; the first run leaves these" in mailbox.add_service("start=now").out


def test_adding_a_service_warns_of_a_database_that_a_power_cut_can_ruin(mailbox: Mailbox) -> None:
    """With what to set; changing the service says no more of it."""
    mailbox.trac.set(("trac", "database", "sqlite:db/trac.db?journal_mode=MEMORY"))
    added = mailbox.add_service()
    assert "Note: A power cut can lose mail: with journal_mode=MEMORY" in added.out
    assert "power cut" not in mailbox.trac.command("mailintake", "service", "set", "support", "delay=5").out


def test_jiras_parameters_make_a_service_and_change_it(mailbox: Mailbox) -> None:
    """What cannot be taken over is left out with the reason; nothing else of the service changes."""
    words = ("mailintake", "service", "import-jira", "support", "issuetype=1, wibble=1, bulk=hold")
    added = mailbox.trac.command(*words, "kind=maildir", f"path={mailbox.folder}", "delay=7")
    assert added.out.startswith("Service support added: maildir, create-or-comment.\n")
    assert "bulk=hold" in added.out.partition("Taken over: ")[2].splitlines()[0]
    assert "Left out: wibble=1" in added.out
    changed = mailbox.trac.command(*words[:-1], "project=OTHER", "stripquotes=false")
    assert changed.out.startswith("Service support changed: maildir, create-or-comment.\n")
    [service] = json.loads(mailbox.trac.command("mailintake", "service", "list", "--json").out)
    assert (service["delay"], service["parameters"]["bulk"]) == (7, "hold")
    assert service["parameters"]["stripquotes"] == "false"


def test_names_of_services_are_completed(mailbox: Mailbox) -> None:
    """All of them."""
    for name in ("sales", "support"):
        mailbox.add_service(name=name)
    complete = AdminCommandManager(mailbox.trac.env).complete_command
    assert complete(["mailintake", "service", "set", ""]) == ["sales", "support"]
