"""What a mail became is shown as it was filed, whatever happened to the ticket since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.attachment import Attachment
from trac.ticket.model import Ticket

from tests.builders import comment, enclosed, new_ticket
from tests.rig import Rig, id_of, mail
from tests.test_forgers import PASSED, RECEIVED
from trac_mailintake.tracker.journal.filed_text import FiledText, filed_mails, filed_text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from tests.tracker.conftest import Desk


def edit(desk: Desk, number: int, text: str) -> None:
    """Change the description in the web."""
    ticket = Ticket(desk.trac.env, number)
    ticket["description"] = text
    ticket.save_changes("admin")


def test_a_description_is_the_one_before_all_edits(desk: Desk) -> None:
    """However often it was edited."""
    number = desk.file(new_ticket(text="As it was.")).ticket
    assert filed_text(desk.trac.env, number, None) == FiledText("As it was.", ())
    edit(desk, number, "Once.")
    edit(desk, number, "Twice.")
    assert filed_text(desk.trac.env, number, None) == FiledText("As it was.", ())


def test_a_comment_is_its_first_version(desk: Desk) -> None:
    """The one with this number, and no other; and of one that was deleted nothing."""
    desk.trac.grant("anonymous", "TICKET_EDIT_COMMENT")
    number = desk.file(new_ticket()).ticket
    for text in ("First.", "Second."):
        desk.file(comment(number, text=text))
    ticket = Ticket(desk.trac.env, number)
    ticket.modify_comment(ticket.get_change(cnum=1)["date"], "admin", "Edited.")
    assert filed_text(desk.trac.env, number, 1) == FiledText("First.", ())
    assert filed_text(desk.trac.env, number, 2) == FiledText("Second.", ())
    assert filed_text(desk.trac.env, number, 3) is None
    ticket.delete_change(cnum=2)
    assert filed_text(desk.trac.env, number, 2) is None
    ticket.delete()
    assert filed_text(desk.trac.env, number, None) is None


def test_attachments_are_those_that_came_with_the_text(desk: Desk, tmp_path: Path) -> None:
    """Not those of other mails, nor what somebody attached in the web."""
    files = [enclosed(tmp_path, f"{letter}.txt", letter.encode() * 9) for letter in "abc"]
    number = desk.file(new_ticket(attachments=tuple(files[:2]))).ticket
    desk.file(comment(number, attachments=(files[2],)))
    by_hand = Attachment(desk.trac.env, "ticket", number)
    with (tmp_path / "web.txt").open("w+b") as file:
        by_hand.insert("web.txt", file, 0)
    first, second = (filed_text(desk.trac.env, number, cnum) for cnum in (None, 1))
    assert first is not None
    assert second is not None
    assert sorted(first.attachments) == [("a.txt", 9), ("b.txt", 9)]
    assert second.attachments == (("c.txt", 9),)


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service that trusts what mx.example.org says of senders."""
    return Rig(sqlite_env, tmp_path, authserv_ids="mx.example.org")


def test_the_author_of_a_filed_mail_is_told_with_what_proves_it(rig: Rig) -> None:
    """By number; the address in lower case; of several authors none."""
    proved = "\n".join([PASSED, RECEIVED, mail("Proved", sender="Mallory@example.com").decode()]).encode()
    rig.drop(proved, mail("Plain", sender="ANN@example.com"), mail("Two", sender="a@example.com>, <b@example.com"))
    rig.run()
    numbers = [row["id"] for row in rig.journal()]
    found = filed_mails(rig.trac.env, [*numbers, 4711, *numbers])
    assert [found[number] for number in numbers] == [
        ("support", "mallory@example.com", True),
        ("support", "ann@example.com", False),
        ("support", "", False),
    ]
    assert 4711 not in found


def test_very_many_are_asked_for_at_once(rig: Rig) -> None:
    """More than fit into one statement."""
    first = mail("One")
    rig.drop(first, mail("Two", f"In-Reply-To: {id_of(first)}"))
    rig.run()
    assert set(filed_mails(rig.trac.env, range(1, 2000))) == {1, 2}
