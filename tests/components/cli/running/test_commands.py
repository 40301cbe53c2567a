"""What trac-admin says of the mail queue, and how it completes names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandManager

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from tests.components.mails import Mailbox
    from tests.servers.smtp_sink import SmtpSink


AUTOMATIC = "Auto-Submitted: auto-replied\n"


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
