"""What JIRA's page promises, end to end in a real Trac; `docs/seed.md` says which sentence is shown where."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from trac.attachment import Attachment
from trac.ticket.model import Ticket

from tests.rig import Rig, id_of, mail
from trac_mailintake.bootstrap import settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service as the page sets it up, but that strangers may write."""
    return Rig(sqlite_env, tmp_path, project="env", issuetype="1")


def with_attachment(subject: str, name: str, *fields: str) -> bytes:
    """A mail with a text and a picture."""
    encoded = base64.encodebytes(PNG).decode()
    body = (
        "--b\nContent-Type: text/plain\n\nIt burns.\n"
        f'--b\nContent-Type: image/png\nContent-Disposition: attachment; filename="{name}"\n'
        f"Content-Transfer-Encoding: base64\n\n{encoded}\n--b--\n"
    )
    return mail(subject, 'Content-Type: multipart/mixed; boundary="b"', "MIME-Version: 1.0", *fields, body=body)


def comments(trac: TracEnv, ticket: int) -> list[str]:
    """The texts of its comments."""
    rows = trac.query(
        "SELECT newvalue FROM ticket_change WHERE ticket=%s AND field='comment' AND newvalue<>'' ORDER BY time", ticket
    )
    return [str(text) for (text,) in rows]


def attached(trac: TracEnv, ticket: int) -> dict[str, bytes]:
    """Names and bytes of its attachments."""
    found = {}
    for each in Attachment.select(trac.env, "ticket", ticket):
        with each.open() as file:
            found[each.filename] = file.read()
    return found


def test_a_mail_becomes_an_issue(rig: Rig) -> None:
    """Its subject the summary, its body the description, its attachments attached; a bug, since issuetype is 1."""
    rig.drop(with_attachment("It burns", "fire.png"))
    rig.run()
    [ticket] = rig.trac.tickets()
    assert (ticket["summary"], ticket["description"], ticket["type"]) == ("It burns", "It burns.", "defect")
    assert attached(rig.trac, ticket.id) == {"fire.png": PNG}


@pytest.mark.parametrize("character", [*'"%:$?*<|>', "/", "\\"])
def test_a_name_is_good_for_every_system(rig: Rig, character: str) -> None:
    """Each of the characters that the page names is an underscore in the name, or ends a path that is dropped."""
    written = character.replace("\\", "\\\\").replace('"', '\\"')
    rig.drop(with_attachment("It burns", f"a{written}b.png"))
    rig.run()
    [name] = attached(rig.trac, 1)
    assert name in ("a_b.png", "b.png")
    assert character not in name


@pytest.mark.parametrize("how", ["subject", "in-reply-to"])
def test_a_mail_that_refers_to_an_issue_becomes_a_comment(rig: Rig, how: str) -> None:
    """By the key in its subject, or by the message that it answers; its attachments are attached."""
    first = mail("It burns")
    rig.drop(first)
    rig.run()
    reply = {"subject": ("More about #1", ()), "in-reply-to": ("More", (f"In-Reply-To: {id_of(first)}",))}
    subject, fields = reply[how]
    rig.drop(with_attachment(subject, "fire.png", *fields))
    rig.run()
    assert [ticket.id for ticket in rig.trac.tickets()] == [1]
    assert comments(rig.trac, 1) == ["It burns."]
    assert attached(rig.trac, 1) == {"fire.png": PNG}


def test_somebody_acts_for_strangers_and_their_address_is_added(rig: Rig) -> None:
    """At the end of the description and of comments (reporterusername); without it Trac asks for their own rights."""
    for action in ("TICKET_CREATE", "TICKET_APPEND"):
        rig.trac.command("permission", "remove", "anonymous", action)
    rig.trac.know("helpdesk", "helpdesk@example.org")
    rig.trac.reopen()
    rig.drop(mail())
    rig.run()
    assert rig.outcomes == [("held", "permission")]
    rig.set(reporterusername="helpdesk")
    first = mail(sender="ext@example.net")
    rig.drop(first, mail("Re: A question", f"In-Reply-To: {id_of(first)}", sender="ext@example.net"))
    rig.run()
    [ticket] = rig.trac.tickets()
    assert ticket["reporter"] == "helpdesk"
    assert ticket["description"].endswith("ext@example.net>")
    [comment] = comments(rig.trac, ticket.id)
    assert comment.endswith("ext@example.net>")


def test_with_reporterusername_a_stranger_may_follow_their_own_ticket_only(rig: Rig) -> None:
    """Strangers are involved where their mail was filed. Mail about another stranger's ticket becomes a new ticket."""
    rig.trac.know("helpdesk", "helpdesk@example.org")
    rig.set(reporterusername="helpdesk")
    first = mail(sender="ext@example.net")
    rig.drop(first)
    rig.run()
    rig.drop(
        mail("Re: A question", f"In-Reply-To: {id_of(first)}", sender="Ext@example.net"),
        mail("Re: A question", f"In-Reply-To: {id_of(first)}", sender="eve@example.net"),
        mail("About #1", sender="eve@example.net"),
    )
    rig.run()
    assert [row["outcome"] for row in rig.journal()] == ["created", "commented", "created", "created"]
    assert [rule for _, rule in rig.outcomes[2:]] == ["stranger", "stranger"]
    assert len(comments(rig.trac, 1)) == 1


def test_a_strangers_number_reaches_no_ticket_without_right(rig: Rig) -> None:
    """Not even on a Trac where everybody may append: the new ticket links to the other."""
    rig.drop(mail())
    rig.run()
    rig.drop(mail("About #1", sender="eve@example.net", body="Close it.\n"))
    rig.run()
    assert comments(rig.trac, 1) == []
    assert "#1" in rig.trac.tickets()[1]["description"]


def test_a_known_recipient_gets_the_ticket(rig: Rig) -> None:
    """To before Cc before Bcc; without ccassignee nobody (JIRA: with it unless told otherwise)."""
    rig.trac.know("bob", "bob@example.org")
    rig.trac.know("carl", "carl@example.org")
    copied = ("Cc: carl@example.org", "To: bob@example.org")
    rig.drop(mail("One", *copied))
    rig.run()
    rig.set(ccassignee="true")
    rig.drop(mail("Two", *copied), mail("Three", "Bcc: carl@example.org"), mail("Four", "Cc: nobody@example.org"))
    rig.run()
    owners = {ticket["summary"]: ticket["owner"] for ticket in rig.trac.tickets()}
    assert (owners["Two"], owners["Three"]) == ("bob", "carl")
    assert owners["One"] == owners["Four"] != "bob"


def test_recipients_watch_when_the_sender_may_say_so(rig: Rig) -> None:
    """As in the web form, others are put into cc with TICKET_EDIT_CC only (ccwatcher)."""
    rig.trac.know("bob", "bob@example.org")
    rig.set(ccwatcher="true", address="support@example.org")
    rig.drop(mail("One", "Cc: bob@example.org, dora@example.net"))
    rig.run()
    rig.trac.grant("anonymous", "TICKET_EDIT_CC")
    rig.trac.reopen()
    rig.drop(mail("Two", "Cc: bob@example.org, dora@example.net"))
    rig.run()
    watched = {ticket["summary"]: ticket["cc"] for ticket in rig.trac.tickets()}
    assert "dora@example.net" not in (watched["One"] or "")
    assert {"bob", "dora@example.net"} <= set((watched["Two"] or "").split(", "))
    assert "support@example.org" not in watched["Two"]


def test_two_services_share_a_mailbox_by_address(rig: Rig) -> None:
    """Each takes what is sent to its alias; what is for neither stays (catchemail)."""
    rig.set(catchemail="foo-support@example.com", keywords="foo")
    typed = {"kind": "maildir", "path": str(rig.maildir), "afterwards": "delete", "keywords": "bar"}
    settings_of(rig.trac.env).services.add("bar", {**typed, "catchemail": "bar-support@example.com"})
    for_nobody = mail("Neither")
    rig.drop(
        mail("Foo", "Delivered-To: foo-support@example.com"),
        mail("Bar", "Delivered-To: BAR-support@example.com"),
        for_nobody,
    )
    rig.run()
    with rig.worker() as assembly:
        service = assembly.settings.services.get("bar")
        assembly.spine.run(service, assembly.settings.open(service))
    assert {ticket["summary"]: ticket["keywords"] for ticket in rig.trac.tickets()} == {"Foo": "foo", "Bar": "bar"}
    assert rig.left == [for_nobody]
    looked_at = len(rig.journal())
    rig.run()
    assert len(rig.journal()) == looked_at, "what was passed once is not fetched again"


def test_a_newcomer_is_notified_about_their_ticket(sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink) -> None:
    """With createusers the newcomer is the reporter, with an address, so that updates reach them."""
    sqlite_env.set(
        ("components", "acct_mgr.*", "enabled"),
        ("account-manager", "password_store", "SessionStore"),
        ("account-manager", "hash_method", "HtPasswdHashMethod"),
        ("notification-subscriber", "always_notify_reporter", "TicketReporterSubscriber"),
    )
    sqlite_env.upgrade()
    rig = Rig(sqlite_env, tmp_path, createusers="true", notifyusers="false")
    rig.trac.notify_through(smtp_sink)
    rig.drop(mail(sender="ann.example@example.com"))
    rig.run()
    rig.trac.know("bob", "bob@example.org")
    smtp_sink.reset()
    rig.drop(mail("About #1", sender="bob@example.org", body="It is out.\n"))
    rig.run()
    told = {recipient for sent in smtp_sink.sent for recipient in sent.recipients}
    assert "ann.example@example.com" in told
    assert Ticket(rig.trac.env, 1)["reporter"] == "ann.example"


def test_custom_fields_are_preset_by_the_service(rig: Rig) -> None:
    """As typed in the service, for new tickets."""
    rig.trac.set(("ticket-custom", "customer", "text"), ("ticket-custom", "customer.label", "Customer"))
    rig.set(customer="ACME", component="component2", cc="boss@example.org")
    rig.drop(mail())
    rig.run()
    [ticket] = rig.trac.tickets()
    assert (ticket["customer"], ticket["component"], ticket["cc"]) == ("ACME", "component2", "boss@example.org")
