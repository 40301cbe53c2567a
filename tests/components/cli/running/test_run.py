"""What `mailintake run` does, says, and ends with."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import termios
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from tests.servers.dovecot import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox
    from tests.servers.dovecot import Dovecot
    from tests.servers.tracenv import TracEnv


AUTOMATIC = "Auto-Submitted: auto-replied\n"


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
    as_json = mailbox.trac.command("mailintake", "run", "support", "--json")
    assert (as_json.status, json.loads(as_json.out)) == (0, [])
    assert "not due before" in as_json.err
    assert mailbox.trac.command("mailintake", "run", "support", "--force").out == "support: 1 created\n"


@pytest.mark.parametrize("words", [(), ("--force",), ("--json",)])
def test_a_pipe_is_not_run(mailbox: Mailbox, words: tuple[str, ...]) -> None:
    """It has no mailbox; --force would not help."""
    assert mailbox.trac.command("mailintake", "service", "add", "handed", "kind=pipe").status == 0
    refused = mailbox.trac.command("mailintake", "run", "handed", *words)
    assert (refused.status, refused.out) == (2, "")
    assert "a mail server hands it its mail" in refused.err


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
        "heavy = ('genshi', 'html2text', 'imapclient', 'pluggy', 'tqdm', 'chardet', 'regex', 'cryptography.fernet',"
        " 'webencodings', 'trac_mailintake.intake.settings', 'trac_mailintake.components.cli.actions',"
        " 'trac_mailintake.components.panels', 'trac_mailintake.tracker.outgoing.ticket_notifications',"
        " 'trac_mailintake.mail.parse', 'trac_mailintake.sources', 'trac_mailintake.builtin',"
        " 'trac_mailintake.plugins.registry', 'trac_mailintake.plugins.hooks', 'trac_mailintake.bootstrap',"
        " 'trac_mailintake.tracker.people.account_manager',"
        " 'trac_mailintake.tracker.trac_calls.mail_request', 'trac_mailintake.tracker.outgoing.overdue');"
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


def test_progress_is_shown_on_a_terminal_only(mailbox: Mailbox) -> None:
    """On standard error, which a pipe gets nothing of; the lines are the same."""
    mailbox.add_service()
    mailbox.put(mail(1), mail(2))
    mailbox.trac.close()
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    words = [mailbox.trac.python, "-m", "trac.admin.console", str(mailbox.trac.path), "mailintake", "run"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = b""
    with open(ours, "rb", buffering=0) as terminal, contextlib.suppress(OSError):  # Linux ends it with an error
        while chunk := terminal.read(4096):
            shown += chunk
    assert done.stdout == b"support: 2 created\n"
    assert b"2/2" in shown


def test_the_same_commands_work_in_a_process_of_their_own(mailbox: Mailbox) -> None:
    """As cron calls them, with the exit status that the shell sees."""
    mailbox.add_service()
    mailbox.put(mail(more=AUTOMATIC))
    finished = mailbox.trac.admin("mailintake", "run")
    assert (finished.status, finished.out, finished.err) == (1, "support: 1 held\n", "")
    raw = mailbox.trac.admin("mailintake", "journal", "raw", "1")
    assert (raw.status, raw.out.encode()) == (0, mail(more=AUTOMATIC))
