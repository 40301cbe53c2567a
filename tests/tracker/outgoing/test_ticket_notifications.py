"""Our part in what Trac sends for tickets that came by mail, as it arrives at a real mail server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trac.notification.api import NotificationSystem
from trac.ticket.model import Ticket
from trac.ticket.notification import TicketChangeEvent
from trac.util.datefmt import datetime_now, to_utimestamp, utc

import trac_mailintake.components.notifications  # noqa: F401 - its components are under test
from tests.builders import EXTERNAL, comment, message, new_ticket
from tests.rig import Rig, id_of, mail
from trac_mailintake.intake.model import Sender
from trac_mailintake.intake.ports import KnownId
from trac_mailintake.mail.message import Address
from trac_mailintake.tracker.lookups import TracReader
from trac_mailintake.tracker.options import LOOP_HEADER
from trac_mailintake.tracker.outgoing.notify import announce
from trac_mailintake.tracker.people.directory import Directory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import Sent, SmtpSink
    from tests.servers.tracenv import TracEnv
    from tests.tracker.conftest import Desk
    from trac_mailintake.intake.model import Change
    from trac_mailintake.tracker.tickets.write import Filed

FIRST = "<first@example.net>"


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


def reason(desk: Desk, filed: Filed) -> str:
    """What the journal says of a mail that was filed."""
    return str(desk.trac.query("SELECT reason FROM mailintake_delivery WHERE ticket=%s", filed.ticket)[0][0])


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
    """Where the recorder allows it, Trac's rules decide about the sender too; the journal has that they were told."""
    filed = replace(take(office, new_ticket(), told=False), address="")
    with office.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET acknowledge=1, sender_told=0")
    announce(office.trac.env, filed)
    assert recipients(smtp_sink.wait_for(1)) == [["ext@example.net", "staff@example.org"]]
    assert office.trac.query("SELECT sender_told FROM mailintake_delivery") == [(1,)]


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


def test_notifications_have_the_senders_words(sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink) -> None:
    """Neither description nor comment has our escapes; the ticket keeps them, and what a user typed stays."""
    sqlite_env.notify_through(smtp_sink)
    sqlite_env.set(("notification", "smtp_always_cc", "staff@example.org"))
    words = "please see CamelCase and {{{code}}} and #1.\n\n* one\n* two\n"
    rig = Rig(sqlite_env, tmp_path)
    first = mail("Words", body=words)
    rig.drop(first, mail("Re: Words", f"In-Reply-To: {id_of(first)}", body=words))
    rig.run()
    ticket = sqlite_env.tickets()[0]
    assert "!CamelCase" in ticket["description"]
    ticket.save_changes("joe", "Look at !CamelCase.", when := datetime_now(utc))
    NotificationSystem(sqlite_env.env).notify(TicketChangeEvent("changed", ticket, when, "joe"))
    created, commented, typed = ("".join(part_text(each)) for each in smtp_sink.wait_for(3))
    for letter in (created, commented):
        for word in ("see CamelCase and {{{code}}} and #1.", "* one", "* two"):
            assert word in letter
        assert "!" not in letter
        assert "\u200b" not in letter
    assert "Look at !CamelCase." in typed
    assert "!CamelCase" in sqlite_env.tickets()[0]["description"]


def part_text(sent: Sent) -> str:
    """The text of a letter."""
    body = sent.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
