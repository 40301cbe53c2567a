"""What trac-admin says, and how it ends."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from trac.admin.api import AdminCommandManager

from tests.components.mails import Mailbox, mail
from tests.servers.dovecot import PASSWORD
from trac_mailintake.tracker.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.dovecot import Dovecot
    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv

AUTOMATIC = "Auto-Submitted: auto-replied\n"

# server ---------------------------------------------------------------------------------------------------------------


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


# service --------------------------------------------------------------------------------------------------------------


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


# run ------------------------------------------------------------------------------------------------------------------


def test_a_run_files_what_waits_and_says_so_in_a_line(mailbox: Mailbox) -> None:
    """One line a service; nothing of a service without news, which cron would mail every minute."""
    mailbox.add_service("afterwards=delete")
    mailbox.put(mail(1), mail(2, more=AUTOMATIC))
    first = mailbox.run()
    assert (first.status, first.out, first.err) == (1, "support: 1 created, 1 held\n", "")
    assert [ticket["summary"] for ticket in mailbox.trac.tickets()] == ["The printer smokes"]
    assert mailbox.left() == 0
    again = mailbox.run()
    assert (again.status, again.out, again.err) == (0, "", "")
    assert mailbox.run("support").out == "support: no new mail\n"


def test_a_service_runs_only_when_it_is_due(mailbox: Mailbox) -> None:
    """A minute after the last time, unless forced."""
    mailbox.add_service()
    mailbox.put(mail(1))
    assert mailbox.trac.command("mailintake", "run").out == "support: 1 created\n"
    mailbox.put(mail(2))
    assert mailbox.trac.command("mailintake", "run").out == ""
    named = mailbox.trac.command("mailintake", "run", "support")
    assert named.status == 0
    assert "not due before" in named.out
    assert mailbox.trac.command("mailintake", "run", "support", "--force").out == "support: 1 created\n"


def test_a_limit_leaves_the_rest_for_the_next_run(mailbox: Mailbox) -> None:
    """The oldest first."""
    mailbox.add_service()
    mailbox.put(mail(1, subject="first"), mail(2, subject="second"), mail(3, subject="third"))
    assert mailbox.run("--limit", "2").out == "support: 2 created\n"
    assert [ticket["summary"] for ticket in mailbox.trac.tickets()] == ["first", "second"]
    assert mailbox.run("--limit=5").out == "support: 1 created\n"


def test_a_service_that_cannot_be_reached_does_not_keep_others_from_running(mailbox: Mailbox, tmp_path: Path) -> None:
    """It gets a line with the cause, and the run ends with 3."""
    trac = mailbox.trac
    trac.command("mailintake", "service", "add", "absent", "kind=maildir", f"path={tmp_path}/not/there")
    mailbox.add_service()
    mailbox.put(mail())
    finished = mailbox.run()
    assert finished.status == 3
    absent, support = sorted(finished.out.splitlines())
    assert absent.startswith("absent: ")
    assert f"{tmp_path}/not/there" in absent
    assert support == "support: 1 created"


def test_a_run_tells_programs_in_json(mailbox: Mailbox) -> None:
    """Every service, news or not."""
    mailbox.add_service()
    mailbox.put(mail())
    assert json.loads(mailbox.run("--json").out) == [{"service": "support", "counts": {"created": 1}, "error": ""}]
    assert json.loads(mailbox.run("--json").out) == [{"service": "support", "counts": {}, "error": ""}]


def test_mail_of_a_server_is_fetched_and_the_dialogue_shows_no_password(sqlite_env: TracEnv, dovecot: Dovecot) -> None:
    """From typing the account to the ticket, by commands alone."""
    user = dovecot.add_user()
    dovecot.deliver(user, mail(1), mail(2))
    sqlite_env.grant("mailbot", "TICKET_CREATE")
    words = (f"host={dovecot.host}", f"port={dovecot.imap}", "security=starttls", f"ca_file={dovecot.authority}")
    sqlite_env.command("mailintake", "server", "add", "main", *words, f"username={user}", f"password={PASSWORD}")
    settings = ("kind=imap", "server=main", "afterwards=move:Done", "reporterusername=mailbot")
    added = sqlite_env.command("mailintake", "service", "add", "support", *settings)
    assert "2 mails wait" in added.out
    finished = sqlite_env.command("mailintake", "run", "--trace")
    assert (finished.status, finished.out) == (0, "support: 2 created\n"), finished.err
    assert "STARTTLS" in finished.err
    assert PASSWORD not in finished.err
    assert PASSWORD not in sqlite_env.log()
    assert dovecot.messages(user) == []
    assert len(dovecot.messages(user, "Done")) == 2
    sqlite_env.command("mailintake", "server", "set", "main", "password=wrong")
    refused = sqlite_env.command("mailintake", "run", "support", "--force")
    assert refused.status == 3
    assert refused.out.startswith("support: ")
    assert "\n" not in refused.out.rstrip("\n")


def test_nothing_is_fetched_when_fetching_is_disabled(mailbox: Mailbox) -> None:
    """The switch for copies of an environment."""
    mailbox.add_service()
    mailbox.put(mail())
    mailbox.trac.set(("mailintake", "fetch", "disabled"))
    finished = mailbox.run()
    assert finished.status == 0
    assert "[mailintake] fetch = disabled" in finished.err
    assert mailbox.trac.tickets() == []


def test_an_idle_run_imports_nothing_that_only_mail_needs(mailbox: Mailbox) -> None:
    """Cron calls it every minute: it may cost little more than trac-admin itself."""
    mailbox.add_service("delay=60")
    mailbox.run()
    mailbox.trac.close()
    program = (
        "import sys; from trac.admin import console; status = console.run(sys.argv[1:]);"
        "heavy = ('genshi', 'html2text', 'imapclient', 'pluggy', 'tqdm', 'chardet',"
        " 'trac_mailintake.mail.parser', 'trac_mailintake.sources', 'trac_mailintake.builtin',"
        " 'trac_mailintake.plugins', 'trac_mailintake.bootstrap');"
        "print(status, sorted(name for name in heavy if name in sys.modules))"
    )
    done = subprocess.run(
        [mailbox.trac.python, "-c", program, str(mailbox.trac.path), "mailintake", "run"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "0 []\n"


def test_the_same_commands_work_in_a_process_of_their_own(mailbox: Mailbox) -> None:
    """As cron calls them, with the exit status that the shell sees."""
    mailbox.add_service()
    mailbox.put(mail(more=AUTOMATIC))
    finished = mailbox.trac.admin("mailintake", "run")
    assert (finished.status, finished.out, finished.err) == (1, "support: 1 held\n", "")
    raw = mailbox.trac.admin("mailintake", "journal", "raw", "1")
    assert (raw.status, raw.out.encode()) == (0, mail(more=AUTOMATIC))


# journal and held -----------------------------------------------------------------------------------------------------


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


# explain, status, queue -----------------------------------------------------------------------------------------------


def test_explain_says_what_would_become_of_a_mail_and_writes_nothing(mailbox: Mailbox, tmp_path: Path) -> None:
    """The same rules, the would-be ticket, and what was cut."""
    mailbox.add_service("component=component2")
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(text="Please help."))
    before = mailbox.trac.query("SELECT COUNT(*) FROM mailintake_delivery")
    explained = mailbox.trac.command("mailintake", "explain", str(file))
    assert explained.status == 0
    assert explained.out.startswith("created (new): ")
    assert "Summary:     The printer smokes" in explained.out
    assert "component:   component2" in explained.out
    assert "| Please help." in explained.out
    shown = json.loads(mailbox.trac.command("mailintake", "explain", str(file), "--service", "support", "--json").out)
    assert (shown["outcome"], shown["change"]["summary"]) == ("created", "The printer smokes")
    assert shown["change"]["fields"]["component"] == "component2"
    assert mailbox.trac.tickets() == []
    assert mailbox.trac.query("SELECT COUNT(*) FROM mailintake_delivery") == before


def test_status_says_whether_somebody_should_look(mailbox: Mailbox, tmp_path: Path) -> None:
    """By its exit status: 0, 1 with held mail, 3 when a round failed."""
    mailbox.add_service()
    mailbox.put(mail(1))
    mailbox.run()
    assert mailbox.trac.command("mailintake", "status").status == 0
    mailbox.put(mail(2, more=AUTOMATIC))
    mailbox.run()
    status = mailbox.trac.command("mailintake", "status", "--json")
    assert status.status == 1
    (service,) = json.loads(status.out)["services"]
    assert service["counts"] == {"created": 1, "held": 1}
    assert service["last_result"] == "1 held"
    mailbox.folder.rename(tmp_path / "elsewhere")
    mailbox.run()
    failed = mailbox.trac.command("mailintake", "status")
    assert failed.status == 3
    assert str(mailbox.folder) in failed.out


def test_the_queue_lists_what_waits_to_be_forwarded(mailbox: Mailbox) -> None:
    """Until the outgoing server took it the mail is held."""
    mailbox.add_service("bulk=forward", "forward=boss@example.org")
    assert mailbox.trac.command("mailintake", "queue", "list").out == "The mail queue is empty.\n"
    mailbox.put(mail(more=AUTOMATIC))
    mailbox.run()
    (queued,) = json.loads(mailbox.trac.command("mailintake", "queue", "list", "--json").out)
    assert (queued["kind"], queued["delivery"], queued["service"]) == ("forward", 1, "support")
    refused = mailbox.trac.command("mailintake", "held", "retry", "1")
    assert refused.status == 2
    assert "queue flush" in refused.err
    assert mailbox.trac.command("mailintake", "held", "discard", "1").status == 0
    assert json.loads(mailbox.trac.command("mailintake", "queue", "list", "--json").out) == []


def test_flushing_the_queue_forwards_what_waits(mailbox: Mailbox, smtp_sink: SmtpSink) -> None:
    """Then it counts as forwarded."""
    mailbox.add_service("bulk=forward", "forward=boss@example.org")
    mailbox.put(mail(more=AUTOMATIC))
    mailbox.run()
    mailbox.trac.notify_through(smtp_sink)
    flushed = mailbox.trac.command("mailintake", "queue", "flush")
    assert (flushed.status, flushed.out) == (0, "1 sent, 0 waiting.\n")
    (entry,) = json.loads(mailbox.trac.command("mailintake", "journal", "list", "--json").out)
    assert entry["outcome"] == "forwarded"


def test_commands_complete_the_names_of_services(mailbox: Mailbox) -> None:
    """In trac-admin's own shell."""
    mailbox.add_service()
    manager = AdminCommandManager(mailbox.trac.env)
    assert manager.complete_command(["mailintake", "run", ""]) == ["support"]
    assert manager.complete_command(["mailintake", "service", "remove", ""]) == ["support"]
    assert set(manager.complete_command(["mailintake", "held", ""])) >= {"list", "retry", "discard", "export"}
