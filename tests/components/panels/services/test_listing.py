"""Services as the list shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.components.panels.services import listing
from trac_mailintake.tracker.config.services import Services

if TYPE_CHECKING:
    from tests.components.mails import Mailbox
    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv

AUTOMATIC = "Auto-Submitted: auto-replied\n"


def rows(trac: TracEnv) -> dict[str, listing.Row]:
    """The rows by name, without any rule being read."""
    services = Services(trac.env, lambda: pytest.fail("plugins were asked for"))
    return {row.name: row for row in listing.rows(trac.env, services)}


def test_a_service_says_where_it_fetches_and_what_it_holds(mailbox: Mailbox) -> None:
    """And how its last round went."""
    made = settings_of(mailbox.trac.env)
    made.servers.add("post", {"host": "mail.example.org"})
    made.services.add("remote", {"kind": "imap", "server": "post", "folder": "In"})
    made.services.add("handed", {"kind": "pipe"})
    mailbox.add_service("bulk=hold", "delay=9", "description=Ours")
    mailbox.put(mail(1), mail(2, more=AUTOMATIC))
    mailbox.run("support")
    found = rows(mailbox.trac)
    assert list(found) == ["handed", "remote", "support"]
    support = found["support"]
    assert (support.place, support.delay, support.description) == (str(mailbox.folder), 9, "Ours")
    assert (support.backlog, support.failed, support.last_result) == ((("held", 1),), False, "1 created, 1 held")
    assert support.last_run > 0
    assert support.next_run > support.last_run
    assert (found["remote"].place, found["remote"].rounds, found["remote"].last_run) == ("post/In", True, 0)
    assert (found["handed"].place, found["handed"].rounds) == ("", False)


def test_a_round_that_failed_is_seen(mailbox: Mailbox) -> None:
    """Until one goes well."""
    mailbox.add_service()
    mailbox.folder.rename(mailbox.folder.with_name("away"))
    mailbox.run()
    assert rows(mailbox.trac)["support"].failed
    mailbox.folder.with_name("away").rename(mailbox.folder)
    mailbox.run()
    assert not rows(mailbox.trac)["support"].failed


def test_the_queue_says_what_waits_and_why(mailbox: Mailbox, smtp_sink: SmtpSink) -> None:
    """Its last failure, and whether Trac sends at all."""
    assert listing.queue(mailbox.trac.env) == listing.Queue(0, sends=False, failure="")
    mailbox.trac.notify_through(smtp_sink)
    smtp_sink.answer = "451 later"
    mailbox.add_service("bulk=forward", "forward=boss@example.org")
    mailbox.put(mail(1, more=AUTOMATIC))
    mailbox.run()
    queue = listing.queue(mailbox.trac.env)
    assert (queue.waiting, queue.sends) == (1, True)
    assert "later" in queue.failure
