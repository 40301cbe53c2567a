"""What Trac sends for tickets that came by mail, as it arrives at a real mail server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from trac.notification.api import NotificationSystem
from trac.ticket.model import Ticket
from trac.ticket.notification import TicketChangeEvent
from trac.util.datefmt import datetime_now, to_utimestamp, utc

import trac_mailintake.components.notifications  # noqa: F401 - its components are under test
from tests.builders import EXTERNAL, JOE, comment, enclosed, message, new_ticket, service
from tests.tracker import plugins
from trac_mailintake.intake.model import Sender
from trac_mailintake.intake.ports import KnownId, Prepared
from trac_mailintake.mail.message import Address
from trac_mailintake.tracker.lookups import TracReader
from trac_mailintake.tracker.options import LOOP_HEADER
from trac_mailintake.tracker.outgoing.notify import announce, renotify
from trac_mailintake.tracker.people.directory import Directory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import Sent, SmtpSink
    from tests.tracker.conftest import Desk
    from trac_mailintake.intake.model import Change
    from trac_mailintake.tracker.tickets.write import Filed

FIRST = "<first@example.net>"


@pytest.fixture
def office(desk: Desk, smtp_sink: SmtpSink) -> Desk:
    """A desk whose Trac sends through the sink, and tells its staff member joe of new tickets."""
    desk.trac.notify_through(smtp_sink)
    desk.trac.set(
        ("mailintake", "address", "support@example.org"), ("notification", "smtp_always_cc", "staff@example.org")
    )
    desk.trac.know("joe", "joe@example.org")
    return desk


def take(desk: Desk, change: Change, *, told: bool = True) -> Filed:
    """File a change and write its journal row, as the recorder does; then announce it."""
    filed = desk.file(change)
    with desk.trac.env.db_transaction as db:
        db(
            "INSERT INTO mailintake_delivery (state, reason, ticket, comment, filed, author, sender, message_id) "
            "VALUES (%s, 'As asked.', %s, %s, %s, %s, %s, %s)",
            (
                "created" if filed.comment is None else "commented",
                filed.ticket,
                filed.comment,
                to_utimestamp(filed.when),
                filed.author,
                change.sender.address,
                FIRST if filed.comment is None else "<later@example.net>",
            ),
        )
    if told:
        assert announce(desk.trac.env, filed)
    return filed


def answer(desk: Desk, number: int, author: str = "joe", text: str = "Have you tried it again?", **fields: str) -> None:
    """Somebody comments in the web interface, or changes fields."""
    ticket, when = Ticket(desk.trac.env, number), datetime_now(utc)
    ticket.populate(fields)
    ticket.save_changes(author, text, when)
    NotificationSystem(desk.trac.env).notify(TicketChangeEvent("changed", ticket, when, author, text))


def recipients(sent: list[Sent]) -> list[list[str]]:
    """Who got each mail."""
    return [sorted(each.recipients) for each in sent]


def test_an_outsider_is_told_of_answers_only(office: Desk, smtp_sink: SmtpSink) -> None:
    """Outsiders are notified of comments by staff, not of their own new ticket or their own comments."""
    filed = take(office, new_ticket())
    take(office, comment(filed.ticket))
    assert recipients(smtp_sink.wait_for(2)) == [["staff@example.org"], ["staff@example.org"]]
    answer(office, filed.ticket)
    last = smtp_sink.wait_for(3)[2]
    assert "ext@example.net" in last.recipients
    assert b"Have you tried it again?" in last.content
    answer(office, filed.ticket, text="", keywords="vip")
    assert "ext@example.net" not in smtp_sink.wait_for(4)[3].recipients


def test_an_outsider_is_notified_when_a_user_reports_for_them(office: Desk, smtp_sink: SmtpSink) -> None:
    """With `reporterusername` the reporter is a user; answers go to who wrote."""
    office.trac.know("helpdesk", "helpdesk@example.org")
    acting = Sender("helpdesk", "helpdesk", "ext@example.net", mapped=False, reason="a test")
    filed = take(office, new_ticket(acting))
    take(office, comment(filed.ticket, acting))
    for each in smtp_sink.wait_for(2):
        assert "ext@example.net" not in each.recipients
    answer(office, filed.ticket)
    assert "ext@example.net" in smtp_sink.wait_for(3)[2].recipients


def test_a_user_keeps_their_notification_preferences(office: Desk, smtp_sink: SmtpSink) -> None:
    """Trac does not tell reporters of answers by default, and a user can choose."""
    ann = Sender("ann", "ann", "ann@example.org", mapped=True, reason="a test")
    office.trac.know("ann", "ann@example.org")
    filed = take(office, new_ticket(ann))
    smtp_sink.wait_for(1)
    answer(office, filed.ticket)
    assert "ann@example.org" not in smtp_sink.wait_for(2)[1].recipients


def test_an_acknowledgement_can_be_asked_for(office: Desk, smtp_sink: SmtpSink) -> None:
    """`acknowledge=always` lets Trac's rules decide about the sender too."""
    prepared = office.tracker.prepare(new_ticket(), message(), service(acknowledge="always"))
    assert isinstance(prepared, Prepared)
    announce(office.trac.env, office.write(prepared))
    assert recipients(smtp_sink.wait_for(1)) == [["ext@example.net", "staff@example.org"]]


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


def test_every_id_that_trac_sends_is_recorded(office: Desk, smtp_sink: SmtpSink) -> None:
    """So that an answer finds its ticket, and our own mail is known when it comes back."""
    filed = take(office, new_ticket())
    answer(office, filed.ticket)
    ids = [str(each.message["Message-ID"]) for each in smtp_sink.wait_for(2)]
    known = TracReader(office.trac.env, Directory(office.trac.env)).known_ids(ids)
    assert known == {each: KnownId(each, filed.ticket, outgoing=True) for each in ids}


def test_replies_are_asked_for_at_the_signed_address(office: Desk, smtp_sink: SmtpSink) -> None:
    """And what comes there is proved to belong to the ticket."""
    filed = take(office, new_ticket())
    [sent] = smtp_sink.wait_for(1)
    reply_to = sent.message["Reply-To"].addresses[0].addr_spec
    assert reply_to.startswith(f"support+{filed.ticket}.")
    reader = TracReader(office.trac.env, Directory(office.trac.env))
    assert reader.signed_ticket([Address("", reply_to)]) == filed.ticket


def test_without_an_address_replies_go_where_trac_says(office: Desk, smtp_sink: SmtpSink) -> None:
    """Nothing is signed when nothing is configured; the rest is as ever."""
    office.trac.set(("mailintake", "address", ""))
    take(office, new_ticket())
    [sent] = smtp_sink.wait_for(1)
    assert sent.message["Reply-To"] == "trac@example.org"
    assert sent.message[LOOP_HEADER]


def test_our_own_mail_is_stopped_when_it_comes_back(office: Desk, smtp_sink: SmtpSink) -> None:
    """By its loop header."""
    take(office, new_ticket())
    [sent] = smtp_sink.wait_for(1)
    back = message(fields=((LOOP_HEADER, str(sent.message[LOOP_HEADER])),))
    assert TracReader(office.trac.env, Directory(office.trac.env)).own_loop(back)


def test_answers_are_threaded_under_the_first_mail(office: Desk, smtp_sink: SmtpSink) -> None:
    """References names the customer's mail, then what Trac says itself."""
    filed = take(office, new_ticket())
    answer(office, filed.ticket)
    created, changed = (each.message for each in smtp_sink.wait_for(2))
    assert (created["References"], created["In-Reply-To"]) == (FIRST, FIRST)
    assert str(changed["References"]).split() == [FIRST, str(created["Message-ID"])]
    assert changed["In-Reply-To"] == created["Message-ID"]


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


@pytest.mark.parametrize("data", [False, True])
def test_what_is_refused_for_good_is_given_up_and_the_journal_says_so(
    office: Desk,
    smtp_sink: SmtpSink,
    data: bool,  # noqa: FBT001 - whether the recipients are refused, or the mail
) -> None:
    """RFC 5321, 4.2.1: an answer that begins with 5 would be the same the next time."""
    if data:
        smtp_sink.answer = "554 5.7.1 no\x1b[31m spam"
    else:
        smtp_sink.refused["staff@example.org"] = "550 5.1.1 unknown"
    filed = take(office, new_ticket())
    assert reason(office, filed).startswith("As asked. Its notification was given up: the outgoing server refused it: ")
    assert ("no [31m spam" if data else "staff@example.org 550 5.1.1 unknown") in reason(office, filed)
    assert smtp_sink.sent == []


@pytest.mark.parametrize("answer", ["451 later", "452 no room"])
def test_one_recipient_who_may_be_known_later_keeps_it_owed(office: Desk, smtp_sink: SmtpSink, answer: str) -> None:
    """Though the other one is refused for good."""
    office.trac.set(("notification", "smtp_always_cc", "staff@example.org, boss@example.org"))
    smtp_sink.refused.update({"staff@example.org": "550 unknown", "boss@example.org": answer})
    filed = take(office, new_ticket(), told=False)
    assert not announce(office.trac.env, filed)
    assert reason(office, filed) == "As asked."


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


def reason(desk: Desk, filed: Filed) -> str:
    """What the journal says of a mail that was filed."""
    return str(desk.trac.query("SELECT reason FROM mailintake_delivery WHERE ticket=%s", filed.ticket)[0][0])


def test_a_ticket_that_was_deleted_owes_nothing(office: Desk) -> None:
    """There is nobody to be told."""
    assert renotify(office.trac.env, 404, None, datetime_now(utc), "joe")


def test_a_listener_that_fails_stops_nothing(office: Desk, smtp_sink: SmtpSink) -> None:
    """It is logged; the notification goes out."""
    office.trac.set(("components", f"{plugins.Clumsy.__module__}.Clumsy", "enabled"))
    take(office, new_ticket())
    smtp_sink.wait_for(1)
    assert "RuntimeError: clumsy" in office.trac.log()


def test_before_the_upgrade_notifications_go_out_unchanged(office: Desk, smtp_sink: SmtpSink) -> None:
    """The plugin is enabled, its tables are not there: Trac works as without it."""
    filed = take(office, new_ticket(EXTERNAL), told=False)
    with office.trac.env.db_transaction as db:
        db("DELETE FROM system WHERE name LIKE 'mailintake%%'")
        db("DROP TABLE mailintake_message_id")
    office.trac.reopen()
    answer(office, filed.ticket)
    [sent] = smtp_sink.wait_for(1)
    assert sent.message["Reply-To"] == "trac@example.org"
