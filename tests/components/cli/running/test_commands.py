"""What trac-admin says of the mail queue, and how it completes names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from trac.admin.api import AdminCommandManager

from tests.components.mails import Mailbox, mail
from trac_mailintake.runs.sysexits import SysExit
from trac_mailintake.tracker.db.transaction import MINUTE, now

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox
    from tests.servers.smtp_sink import SmtpSink


AUTOMATIC = "Auto-Submitted: auto-replied\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_the_answer_to_a_mail_server_is_a_line_on_standard_error(mailbox: Mailbox, *, as_json: bool) -> None:
    """Or an object on standard output; the exit status is the same, and the mail is filed."""
    trac = mailbox.trac
    assert trac.command("mailintake", "service", "add", "pipe", "kind=pipe").status == 0
    words = ("--json",) if as_json else ()
    filed = trac.command("mailintake", "deliver", "pipe", *words, stdin=mail(1))
    assert filed.status == 0
    said = json.loads(filed.out) if as_json else {"status": 0, "line": filed.err.rstrip("\n")}
    assert said == {"status": 0, "line": "created #1 (new): The mail names no ticket."}
    assert bool(filed.out) is as_json
    refused = trac.command("mailintake", "deliver", "none", *words, stdin=mail(2))
    assert refused.status == SysExit.TEMPFAIL
    assert "none" in (refused.out if as_json else refused.err)
    assert [ticket["summary"] for ticket in trac.tickets()] == ["The printer smokes"]


def test_a_mail_is_explained_for_the_only_service(mailbox: Mailbox, tmp_path: Path) -> None:
    """Of several, and of none, one has to be named: the message says which there are."""
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(1))
    none = mailbox.trac.command("mailintake", "explain", str(file))
    assert (none.status, "none yet: `service add` makes one" in none.err) == (2, True)
    mailbox.add_service()
    assert mailbox.trac.command("mailintake", "explain", str(file)).status == 0
    mailbox.add_service(name="other")
    several = mailbox.trac.command("mailintake", "explain", str(file))
    assert (several.status, "--service=: not allowed. Allowed: other, support" in several.err) == (2, True)
    assert mailbox.trac.command("mailintake", "explain", str(file), "--service", "other").status == 0


def test_the_queue_lists_what_waits_to_be_forwarded(mailbox: Mailbox) -> None:
    """Until the outgoing server took it the mail is held."""
    mailbox.add_service("bulk=forward", "forward=boss@example.org")
    assert mailbox.trac.command("mailintake", "queue", "list").out == "The mail queue is empty.\n"
    mailbox.put(mail(more=AUTOMATIC))
    mailbox.run()
    (queued,) = json.loads(mailbox.trac.command("mailintake", "queue", "list", "--json").out)
    assert (queued["kind"], queued["delivery"], queued["service"]) == ("forward", 1, "support")
    row = mailbox.trac.command("mailintake", "queue", "list").out.splitlines()[3]
    assert ("now" in row.split(), "never" in row.split()) == (True, False)
    with mailbox.trac.env.db_transaction as db:
        db("UPDATE mailintake_outbox SET retry_at=%s", (now() + MINUTE,))
    row = mailbox.trac.command("mailintake", "queue", "list").out.splitlines()[3]
    assert ("now" in row.split(), datetime.now(UTC).strftime("%Y-") in row) == (False, True)
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
