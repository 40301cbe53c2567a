"""What trac-admin says of servers and services, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from tests.servers.dovecot import PASSWORD
from trac_mailintake.tracker.config.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.dovecot import Dovecot
    from tests.servers.tracenv import TracEnv

AUTOMATIC = "Auto-Submitted: auto-replied\n"


def test_a_server_is_added_listed_changed_and_removed(sqlite_env: TracEnv) -> None:
    """And its password is seen nowhere."""
    words = ("mailintake", "server")
    added = sqlite_env.command(*words, "add", "main", "host=mail.example.org", "username=joe", "password=geheim")
    assert (added.status, added.out) == (0, "Mail server main added: imap at mail.example.org:993, tls.\n")
    listed = sqlite_env.command(*words, "list")
    assert "mail.example.org" in listed.out
    assert "encrypted" in listed.out
    assert sqlite_env.command(*words, "set", "main", "security=starttls").out.endswith(
        "mail.example.org:143, starttls.\n"
    )
    (server,) = json.loads(sqlite_env.command(*words, "list", "--json").out)
    assert (server["name"], server["port"], server["password"]) == ("main", 143, "encrypted")
    assert sqlite_env.command(*words, "remove", "main").status == 0
    assert json.loads(sqlite_env.command(*words, "list", "--json").out) == []
    assert sqlite_env.command(*words, "list").out == "There is no mail server yet.\n"


def test_a_password_can_be_read_from_standard_input(sqlite_env: TracEnv) -> None:
    """So that it stands in no list of processes."""
    sqlite_env.command("mailintake", "server", "add", "main", "host=h", "password=-", stdin=b"aus der Leitung\n")
    servers = Servers(sqlite_env.env)
    assert servers.password(servers.get("main")) == "aus der Leitung"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["server", "add", "main", "host=h", "protocol=exchange"],
            "protocol=exchange: not allowed. Allowed: imap, pop3",
        ),
        (["server", "add", "main", "extra", "host=h"], "Invalid arguments"),
        (["server", "remove", "main"], "server=main: not allowed. Allowed: none yet"),
        (["service", "add", "support", "kind=exchange"], "kind=exchange: not allowed"),
        (["service", "enable", "support"], "service=support: not allowed"),
        (["run", "support"], "service=support: not allowed"),
        (["run", "--frobnicate"], "--frobnicate: not allowed. Allowed: --force"),
        (["run", "--limit", "none"], "--limit=none: not allowed. Allowed: a whole number"),
        (["run", "--limit"], "--limit needs a value"),
        (["run", "a", "b"], "Invalid arguments"),
        (["journal", "show", "7"], "id=7: not allowed"),
        (["journal", "show", "seven"], "id=seven: not allowed. Allowed: a whole number"),
        (["journal", "list", "outcome=lost"], "outcome=lost: not allowed. Allowed: created, commented"),
        (["journal", "list", "colour=red"], "colour=red: not allowed. Allowed: service, outcome"),
        (["held", "discard", "7"], "id=7: not allowed"),
        (["explain", "/no/such/mail"], "--service=: not allowed"),
    ],
)
def test_wrong_words_end_with_two_and_say_what_is_allowed(sqlite_env: TracEnv, words: list[str], said: str) -> None:
    """The name, the value, what is allowed; on standard error."""
    finished = sqlite_env.command("mailintake", *words)
    assert finished.status == 2
    assert said in finished.err


def test_a_server_is_tested_by_logging_in(sqlite_env: TracEnv, dovecot: Dovecot) -> None:
    """It lists the folders; the dialogue shows no password; a wrong one ends with 3 and a line."""
    user = dovecot.add_user()
    words = (f"host={dovecot.host}", f"port={dovecot.imaps}", f"ca_file={dovecot.authority}", f"username={user}")
    sqlite_env.command("mailintake", "server", "add", "main", *words, f"password={PASSWORD}")
    tested = sqlite_env.command("mailintake", "server", "test", "main", "--trace")
    assert (tested.status, "INBOX" in tested.out) == (0, True), tested.err
    assert "LOGIN" in tested.err.upper()
    assert PASSWORD not in tested.err
    sqlite_env.command("mailintake", "server", "set", "main", "password=wrong")
    refused = sqlite_env.command("mailintake", "server", "test", "main")
    assert refused.status == 3
    assert "main" in refused.err


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
