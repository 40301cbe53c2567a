"""What is announced after the commit, as it arrives at a real mail server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from trac.util.datefmt import datetime_now, to_utimestamp, utc

from tests.builders import JOE, comment, enclosed, new_ticket
from tests.tracker import plugins
from tests.tracker.outgoing.test_ticket_notifications import answer, reason, take
from trac_mailintake.tracker.outgoing.notify import announce, renotify, tells

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.tracker.conftest import Desk


def test_a_mail_with_attachments_is_one_notification(office: Desk, smtp_sink: SmtpSink, tmp_path: Path) -> None:
    """Trac would send one for each file as well."""
    files = tuple(enclosed(tmp_path, f"{number}.txt", b"%d" % number) for number in range(5))
    filed = take(office, new_ticket(attachments=files))
    answer(office, filed.ticket)
    assert len(smtp_sink.wait_for(2)) == 2
    assert office.trac.query("SELECT COUNT(*) FROM attachment") == [(5,)]


def test_a_quiet_change_is_not_announced(office: Desk, smtp_sink: SmtpSink) -> None:
    """A vacation reply tells nobody."""
    filed = take(office, new_ticket(quiet=True))
    answer(office, filed.ticket)
    assert len(smtp_sink.wait_for(1)) == 1


def test_other_ways_of_notifying_are_served_without_mail(desk: Desk) -> None:
    """Mail is switched off; a chat is told all the same."""
    desk.trac.set(("components", f"{plugins.Chat.__module__}.Chat", "enabled"))
    plugins.Chat.said.clear()
    filed = take(desk, new_ticket())
    take(desk, comment(filed.ticket))
    assert plugins.Chat.said == [("created", filed.ticket), ("changed", filed.ticket)]


def test_a_server_that_is_down_leaves_the_notification_owed(office: Desk, smtp_sink: SmtpSink) -> None:
    """It is said, not raised, and sent later: the same mail, with the same id, to the same people."""
    filed = take(office, new_ticket(), told=False)
    commented = take(office, comment(filed.ticket, JOE, text="By mail."), told=False)
    smtp_sink.answer = "451 later"
    assert not announce(office.trac.env, filed)
    smtp_sink.reset()
    env = office.trac.reopen()
    assert renotify(env, filed.ticket, None, filed.when, filed.author)
    assert renotify(env, filed.ticket, commented.comment, commented.when, commented.author)
    first, second = smtp_sink.wait_for(2)
    assert "ext@example.net" not in first.recipients
    assert {"ext@example.net", "joe@example.org", "staff@example.org"} == set(second.recipients)
    assert b"By mail." in second.content
    ids = [first.message["Message-ID"], second.message["Message-ID"]]
    smtp_sink.reset()
    assert announce(env, filed)
    assert announce(env, commented)
    assert [each.message["Message-ID"] for each in smtp_sink.wait_for(2)] == ids


def test_a_ticket_that_was_deleted_owes_nothing(office: Desk) -> None:
    """There is nobody to be told."""
    assert renotify(office.trac.env, 404, None, datetime_now(utc), "joe")


def test_a_listener_that_fails_stops_nothing(office: Desk, smtp_sink: SmtpSink) -> None:
    """It is logged; the notification goes out."""
    office.trac.set(("components", f"{plugins.Clumsy.__module__}.Clumsy", "enabled"))
    take(office, new_ticket())
    smtp_sink.wait_for(1)
    assert "RuntimeError: clumsy" in office.trac.log()


def test_nothing_is_owed_where_notifications_are_off(desk: Desk) -> None:
    """They are not made up for months later; neither now nor after a crash."""
    filed = desk.file(new_ticket())
    assert not tells(desk.trac.env)
    assert announce(desk.trac.env, filed)
    assert renotify(desk.trac.env, filed.ticket, None, filed.when, filed.author)


def test_a_comment_is_made_up_for_with_its_text(office: Desk, smtp_sink: SmtpSink) -> None:
    """As it would have been announced: the same id, and not to its author, who is no user."""
    ticket = take(office, new_ticket(JOE))
    first = take(office, comment(ticket.ticket, text="It is still broken."), told=False)
    smtp_sink.reset()
    assert renotify(office.trac.env, first.ticket, first.comment, first.when, first.author)
    [sent] = smtp_sink.wait_for(1)
    assert b"It is still broken." in sent.content
    assert "ext@example.net" not in sent.recipients
    smtp_sink.reset()
    assert announce(office.trac.env, first)
    [again] = smtp_sink.wait_for(1)
    assert (again.message["Message-ID"], again.recipients) == (sent.message["Message-ID"], sent.recipients)


def test_a_letter_that_is_refused_keeps_no_other_from_its_recipients(office: Desk, smtp_sink: SmtpSink) -> None:
    """Trac sends one for each format."""
    with office.trac.env.db_transaction as db:
        for name, layout in (("joe", "text/plain"), ("sue", "text/html")):
            office.trac.know(name, f"{name}@example.org")
            db(
                "INSERT INTO notify_subscription (time, changetime, class, sid, authenticated, distributor, format, "
                "priority, adverb) VALUES (0, 0, 'NewTicketSubscriber', %s, 1, 'email', %s, 1, 'always')",
                (name, layout),
            )
    office.trac.set(
        ("notification", "smtp_always_cc", ""), ("components", f"{plugins.Marked.__module__}.Marked", "enabled")
    )
    for name in ("joe", "sue"):
        smtp_sink.reset()
        smtp_sink.refused[f"{name}@example.org"] = "550 unknown"
        filed = take(office, new_ticket())
        assert f"{name}@example.org 550 unknown" in reason(office, filed)
        assert [each.recipients for each in smtp_sink.sent] == [
            ("sue@example.org" if name == "joe" else "joe@example.org",)
        ]


def test_what_cannot_be_sent_for_a_week_is_given_up(office: Desk, smtp_sink: SmtpSink) -> None:
    """Until then it is owed, whatever the server says."""
    smtp_sink.answer = "451 later"
    filed = take(office, new_ticket(), told=False)
    env = office.trac.env
    assert not renotify(env, filed.ticket, None, filed.when, filed.author)
    long_ago = filed.when - timedelta(days=8)
    with env.db_transaction as db:
        db("UPDATE mailintake_delivery SET filed=%s", (to_utimestamp(long_ago),))
    assert renotify(env, filed.ticket, None, long_ago, filed.author)
    assert reason(office, filed) == "As asked. Its notification was given up: it could not be sent for a week."
