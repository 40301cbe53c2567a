"""A change is checked as the web interface would check it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from trac.attachment import Attachment
from trac.ticket.model import Component as TicketComponent
from trac.ticket.model import Ticket

from tests.builders import EXTERNAL, JOE, comment, enclosed, message, new_ticket, service
from tests.tracker import plugins
from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import Misconfiguration, Stale, TemporaryFailure
from trac_mailintake.intake.model import Hold, Reopen
from trac_mailintake.intake.ports import Prepared
from trac_mailintake.mail.message import Part
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from tests.tracker.conftest import Desk
    from trac_mailintake.intake.model import Change, Objection


def enable(trac: TracEnv, *names: str) -> None:
    """Switch on plugins of the module `plugins`."""
    trac.set(*(("components", f"tests.tracker.plugins.{name}", "enabled") for name in names))


def revoke(desk: Desk, action: str) -> None:
    """Take a permission from anonymous. Trac remembers permissions for some seconds, hence the new start."""
    desk.trac.command("permission", "remove", "anonymous", action)
    desk.trac.reopen()


def grant(desk: Desk, action: str) -> None:
    """Give anonymous a permission, likewise."""
    desk.trac.grant("anonymous", action)
    desk.trac.reopen()


def asked(desk: Desk, change: Change, *, explain: bool = False) -> Prepared | Objection:
    """What the tracker says to a change."""
    return desk.tracker.prepare(change, message(), service(), explain=explain)


def rules(prepared: Prepared) -> list[str]:
    """The rules of its steps."""
    return [step.rule for step in prepared.steps]


def attachments(desk: Desk) -> list[tuple[object, ...]]:
    """Names and sizes of all attachments."""
    return desk.trac.query("SELECT filename, size FROM attachment ORDER BY filename")


# new tickets


def test_a_ticket_is_made_as_the_web_form_makes_it(desk: Desk) -> None:
    """Defaults, the workflow's status, and the component's owner for `< default >`."""
    component = TicketComponent(desk.trac.env, "component2")
    component.owner = "carla"
    component.update()
    filed = desk.file(new_ticket(fields={"component": "component2", "keywords": "mail"}))
    ticket = Ticket(desk.trac.env, filed.ticket)
    assert ticket["summary"] == "It does not work"
    assert ticket["description"] == "Nothing happens."
    assert ticket["reporter"] == "Ext Ernal <ext@example.net>"
    assert (ticket["status"], ticket["owner"], ticket["component"]) == ("new", "carla", "component2")
    assert (ticket["priority"], ticket["type"], ticket["keywords"]) == ("major", "defect", "mail")


def test_without_permission_the_mail_is_held_with_the_next_step(desk: Desk) -> None:
    """A fresh Trac lets anonymous only look; the reason says whom to grant what."""
    revoke(desk, "TICKET_CREATE")
    objection = asked(desk, new_ticket())
    assert isinstance(objection, Hold)
    assert objection.rule == "permission"
    for word in ("anonymous", "TICKET_CREATE", "permission add anonymous TICKET_CREATE", "actas"):
        assert word in objection.reason


def test_a_mapped_user_has_their_own_permissions(desk: Desk) -> None:
    """And a stranger never those of `authenticated`."""
    revoke(desk, "TICKET_CREATE")
    assert isinstance(asked(desk, new_ticket(JOE)), Prepared)
    assert isinstance(asked(desk, new_ticket(EXTERNAL)), Hold)


def test_the_trail_says_what_the_handler_cut(desk: Desk) -> None:
    """As the journal shows it, with the number of lines."""
    ticket = desk.file(new_ticket()).ticket
    prepared = asked(desk, replace(comment(ticket), because=(reasons.REPLY_CUT(lines=3),)))
    assert isinstance(prepared, Prepared)
    assert [step.sentence for step in prepared.steps if step.rule == "reply-cut"] == [
        "Lines with quote marks that are not in the comment: 3"
    ]


def test_a_long_summary_goes_on_in_the_description(desk: Desk) -> None:
    """Nothing of it is lost."""
    desk.trac.set(("ticket", "max_summary_size", "20"))
    filed = desk.file(new_ticket(summary="The quick brown fox jumps over the lazy dog"))
    ticket = Ticket(desk.trac.env, filed.ticket)
    assert ticket["summary"] == "The quick brown fox…"
    assert ticket["description"] == "`… jumps over the lazy dog`\r\n\r\nNothing happens."


def text_part(folder: Path, text: str) -> Part:
    """The part of a mail that is its text."""
    path = folder / "spool"
    path.write_text(text, encoding="utf-8")
    return Part(
        path="1",
        content_type="text/plain",
        filename="x.txt",
        inline=True,
        content_id="",
        encoding="8bit",
        charset="utf-8",
        body=Slice(str(path), 0, path.stat().st_size),
    )


def test_a_long_text_is_cut_and_attached_whole(desk: Desk) -> None:
    """Trac counts characters; files are as large as they may be, and together they are the text."""
    desk.trac.set(("ticket", "max_description_size", "1000"), ("attachment", "max_size", "3000"))
    text = "".join(f"Zeile {number} – äöü\n" for number in range(400))
    filed = desk.file(new_ticket(text=text))
    description = Ticket(desk.trac.env, filed.ticket)["description"]
    assert 990 < len(description) <= 1000
    assert description.startswith("Zeile 0 – äöü\r\nZeile 1")
    found = list(Attachment.select(desk.trac.env, "ticket", filed.ticket))
    assert all(each.filename in description for each in found)
    assert all(2900 < each.size <= 3000 for each in found[:-1])
    pieces = []
    for each in sorted(found, key=lambda each: str(each.filename)):
        with each.open() as file:
            pieces.append(file.read().decode("utf-8"))
    assert len(pieces) > 1
    assert "".join(pieces) == text


def test_a_text_that_was_not_read_to_its_end_is_attached_as_it_came(desk: Desk, tmp_path: Path) -> None:
    """The parser reads so much and no more; the rest is in the original."""
    mail = message(overlong=True, text_parts=(text_part(tmp_path, "a long text"),))
    prepared = desk.tracker.prepare(new_ticket(text="a long"), mail, service())
    assert isinstance(prepared, Prepared)
    filed = desk.write(prepared)
    assert Ticket(desk.trac.env, filed.ticket)["description"].startswith("a long\r\n\r\n''(The text was cut here.")
    assert attachments(desk) == [("original.txt", 11)]
    assert "text-cut" in rules(prepared)


# manipulators


def test_manipulators_hold_the_mail(desk: Desk) -> None:
    """They see a request by the sender, with everything that plugins ask of a request."""
    enable(desk.trac, "Censor")
    plugins.Censor.asked.clear()
    objection = asked(desk, new_ticket(summary="forbidden"))
    assert objection == Hold("ticket-manipulator", "summary: is forbidden")
    assert plugins.Censor.asked == [("anonymous", "/newticket")]


def test_manipulators_see_the_comment(desk: Desk) -> None:
    """`validate_comment` too, and the user who wrote it."""
    enable(desk.trac, "Censor")
    number = desk.file(new_ticket()).ticket
    plugins.Censor.asked.clear()
    assert asked(desk, comment(number, text="forbidden")) == Hold("ticket-manipulator", "comment: is forbidden")
    assert isinstance(asked(desk, comment(number, JOE)), Prepared)
    assert plugins.Censor.asked == [("anonymous", f"/ticket/{number}"), ("joe", f"/ticket/{number}")]


def test_a_broken_plugin_is_not_the_messages_fault(desk: Desk) -> None:
    """It is named; the mail waits until it is mended, or until the network is back."""
    enable(desk.trac, "Broken")
    with pytest.raises(Misconfiguration, match=r"tests\.tracker\.plugins\.Broken failed"):
        asked(desk, new_ticket())
    with pytest.raises(TemporaryFailure, match="Broken"):
        asked(desk, new_ticket(summary="network"))


def test_explain_leaves_out_what_may_write_and_says_so(desk: Desk, tmp_path: Path) -> None:
    """Neither plugins nor files: only the questions that change nothing."""
    enable(desk.trac, "Censor", "Scanner")
    plugins.Censor.asked.clear()
    files = (enclosed(tmp_path, "a.txt", b"virus"),)
    prepared = asked(desk, new_ticket(summary="forbidden", attachments=files), explain=True)
    assert isinstance(prepared, Prepared)
    said = " ".join(step.sentence for step in prepared.steps if step.rule == "skipped")
    assert "Censor" in said
    assert "Scanner" in said
    assert plugins.Censor.asked == []
    assert not list((desk.trac.path / "files").rglob("*staging*"))


def test_explain_still_asks_trac_itself(desk: Desk) -> None:
    """Trac's own validation writes nothing."""
    objection = asked(desk, new_ticket(fields={"priority": "world-shaking"}), explain=True)
    assert isinstance(objection, Hold)


# comments


def test_a_comment_on_a_deleted_ticket_is_decided_again(desk: Desk) -> None:
    """The ticket went between route and handle."""
    with pytest.raises(Stale):
        asked(desk, comment(404))


def test_a_comment_needs_permission(desk: Desk) -> None:
    """TICKET_APPEND, as in the web."""
    number = desk.file(new_ticket()).ticket
    revoke(desk, "TICKET_APPEND")
    objection = asked(desk, comment(number))
    assert isinstance(objection, Hold)
    assert "TICKET_APPEND" in objection.reason


def closed_ticket(desk: Desk) -> int:
    """A ticket that somebody closed."""
    number = desk.file(new_ticket()).ticket
    ticket = Ticket(desk.trac.env, number)
    ticket["status"], ticket["resolution"] = "closed", "fixed"
    ticket.save_changes("joe", "Done.")
    return number


def test_a_comment_reopens_when_the_workflow_offers_it(desk: Desk) -> None:
    """The status and the resolution change in the same change as the comment."""
    number = closed_ticket(desk)
    prepared = desk.prepare(comment(number, reopen=Reopen.IF_ALLOWED))
    filed = desk.write(prepared)
    ticket = Ticket(desk.trac.env, number)
    assert (ticket["status"], ticket["resolution"]) == ("reopened", "")
    assert filed.comment == 2
    assert "reopened" in rules(prepared)


@pytest.mark.parametrize("reopen", list(Reopen))
def test_a_closed_ticket_stays_closed_otherwise(desk: Desk, reopen: Reopen) -> None:
    """Never reopen, or the sender may not: the comment is filed all the same."""
    number = closed_ticket(desk)
    if reopen is Reopen.IF_ALLOWED:
        revoke(desk, "TICKET_CREATE")
    filed = desk.file(comment(number, reopen=reopen))
    assert Ticket(desk.trac.env, number)["status"] == "closed"
    assert filed.comment == 2


def test_an_own_workflow_decides_what_reopen_means(desk: Desk) -> None:
    """An action of that name that leads to closed is no reopening."""
    desk.trac.set(("ticket-workflow", "reopen", "closed -> closed"))
    number = closed_ticket(desk)
    prepared = desk.prepare(comment(number, reopen=Reopen.IF_ALLOWED))
    assert "stays-closed" in rules(prepared)


def test_an_empty_comment_says_that_it_is_empty(desk: Desk) -> None:
    """Trac would not save it, and the attachments would hang in the air."""
    number = desk.file(new_ticket()).ticket
    assert desk.file(comment(number, text="")).comment == 1
