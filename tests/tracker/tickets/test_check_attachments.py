"""Which attachments a ticket gets, under which names, and what it says of the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trac.attachment import Attachment
from trac.test import MockRequest
from trac.ticket.model import Ticket
from trac.web.chrome import web_context
from trac.wiki.formatter import format_to_oneliner

from tests.builders import EXTERNAL, comment, enclosed, new_ticket
from tests.tracker.tickets.test_prepare import asked, attachments, enable, grant, revoke, rules
from trac_mailintake.intake.model import Hold
from trac_mailintake.intake.ports import Prepared
from trac_mailintake.tracker.tickets.check_attachments import Enclosing, clean, code, split
from trac_mailintake.tracker.trac_calls.mail_request import mail_request

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv
    from tests.tracker.conftest import Desk


def test_attachments_are_stored_byte_for_byte(desk: Desk, tmp_path: Path) -> None:
    """With the author and the time of the ticket."""
    content = bytes(range(256)) * 500
    filed = desk.file(new_ticket(attachments=(enclosed(tmp_path, "Grüße.bin", content),)))
    [attachment] = Attachment.select(desk.trac.env, "ticket", filed.ticket)
    with attachment.open() as file:
        assert file.read() == content
    assert (attachment.filename, attachment.size, attachment.author) == ("Grüße.bin", len(content), EXTERNAL.author)
    assert attachment.date == filed.when


def test_names_are_unique_within_a_ticket(desk: Desk, tmp_path: Path) -> None:
    """Numbered as Trac numbers them, and images are shown under their new names."""
    first = (enclosed(tmp_path, "x.png", b"1"), enclosed(tmp_path, "X.png", b"2"))
    number = desk.file(new_ticket(attachments=first)).ticket
    filed = desk.file(comment(number, text="See [[Image(x.png)]]", attachments=(enclosed(tmp_path, "x.png", b"3"),)))
    assert {name for name, _ in attachments(desk)} == {"x.png", "X.2.png", "x.3.png"}
    assert filed.text == "See [[Image(x.3.png)]]"


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("..", "attachment"),
        ("a\\b.txt", "a_b.txt"),
        ("nul\x00l.txt", "nul l.txt"),
        ("x" * 300 + ".jpeg", "x" * 115 + ".jpeg"),
    ],
)
def test_names_are_harmless(desk: Desk, tmp_path: Path, name: str, stored: str) -> None:
    """What Trac's form would refuse or mend is mended."""
    desk.file(new_ticket(attachments=(enclosed(tmp_path, name, b"1"),)))
    assert attachments(desk) == [(stored, 1)]


def test_what_is_too_large_is_named_in_the_ticket(desk: Desk, tmp_path: Path) -> None:
    """And the others are attached: one bad attachment never loses the mail."""
    desk.trac.set(("attachment", "max_size", "1000"))
    files = (enclosed(tmp_path, "large.bin", b"x" * 1001), enclosed(tmp_path, "small.bin", b"x" * 1000))
    prepared = desk.prepare(new_ticket(attachments=files))
    filed = desk.write(prepared)
    assert attachments(desk) == [("small.bin", 1000)]
    description = Ticket(desk.trac.env, filed.ticket)["description"]
    assert "large.bin" in description
    assert "max_size" in description
    assert "attachment-refused" in rules(prepared)


def test_what_a_manipulator_refuses_is_named_in_the_ticket(desk: Desk, tmp_path: Path) -> None:
    """It reads the file as if it had been uploaded; its words cannot run in the ticket."""
    enable(desk.trac, "Scanner")
    files = (enclosed(tmp_path, "bad`.exe", b"a virus"), enclosed(tmp_path, "good.txt", b"fine"))
    filed = desk.file(new_ticket(attachments=files))
    assert attachments(desk) == [("good.txt", 4)]
    assert "`bad .exe (7 bytes)`: `contains a virus`" in Ticket(desk.trac.env, filed.ticket)["description"]
    assert [each for each in (desk.trac.path / "files" / "mailintake").rglob("*") if each.is_file()] == []


def test_a_sender_who_may_not_attach_still_files_mail(desk: Desk, tmp_path: Path) -> None:
    """For attachments of tickets, ATTACHMENT_CREATE is TICKET_APPEND."""
    revoke(desk, "TICKET_APPEND")
    filed = desk.file(new_ticket(attachments=(enclosed(tmp_path, "a.txt", b"1"),)))
    assert attachments(desk) == []
    assert "ATTACHMENT_CREATE" in Ticket(desk.trac.env, filed.ticket)["description"]


def test_a_logo_is_attached_once(desk: Desk, tmp_path: Path) -> None:
    """The same bytes, inline, again: shown from where they are. As a real attachment they are attached again."""
    logo = enclosed(tmp_path, "logo.png", b"logo", inline=True)
    number = desk.file(new_ticket(attachments=(logo,))).ticket
    again = enclosed(tmp_path, "image001.png", b"logo", inline=True)
    filed = desk.file(comment(number, text="[[Image(image001.png, 20%)]]", attachments=(again,)))
    assert filed.text == "[[Image(logo.png, 20%)]]"
    assert attachments(desk) == [("logo.png", 4)]
    desk.file(comment(number, attachments=(replace(again, part=replace(again.part, inline=False)),)))
    assert {name for name, _ in attachments(desk)} == {"logo.png", "image001.png"}


def test_a_failing_change_leaves_nothing_staged(desk: Desk, tmp_path: Path) -> None:
    """Nor does one that cannot be read to its end: the spool is gone."""
    gone = enclosed(tmp_path, "gone.txt", b"2")
    Path(gone.part.body.path).unlink()
    with pytest.raises(OSError, match=r"No such file"):
        asked(desk, new_ticket(attachments=(enclosed(tmp_path, "a.txt", b"1"), gone)))
    assert [each for each in (desk.trac.path / "files" / "mailintake").rglob("*") if each.is_file()] == []


def test_a_held_change_leaves_nothing_staged(desk: Desk, tmp_path: Path) -> None:
    """What will not be filed is not kept."""
    files = (enclosed(tmp_path, "a.txt", b"1"),)
    assert isinstance(asked(desk, new_ticket(fields={"priority": "x"}, attachments=files)), Hold)
    assert [each for each in (desk.trac.path / "files" / "mailintake").rglob("*") if each.is_file()] == []


TEXTS = st.text(st.characters(codec="utf-8"))


@given(
    st.one_of(TEXTS, st.lists(st.sampled_from(["/", "\\", "..", ".", " ", "\x00", "a", "é", "𝄞", ".txt"])).map("".join))
)
def test_every_name_is_one_that_trac_can_store(name: str) -> None:
    """Not empty, no path, no control characters, not too long; and it stays as it is the second time."""
    found = clean(name)
    assert found.strip(". ")
    assert not set(found) & set("/\\\x00\x7f\n")
    assert len(found) <= 120
    assert clean(found) == found


@given(TEXTS, st.integers(0, 40))
def test_a_text_is_split_between_characters(text: str, size: int) -> None:
    """The pieces are the whole, and each can be read by itself."""
    pieces = split(text.encode(), size)
    assert b"".join(pieces).decode() == text
    assert all(0 < len(piece) <= max(size, 4) for piece in pieces)
    assert "".join(piece.decode() for piece in pieces) == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(text=TEXTS)
def test_a_name_in_the_ticket_is_code_and_nothing_runs(shared_env: TracEnv, text: str) -> None:
    """Whatever a stranger calls a file."""
    context = web_context(MockRequest(shared_env.env), "ticket", 1)
    html = str(format_to_oneliner(shared_env.env, context, code(f"x{text}")))
    assert html.startswith("<code>x")
    assert html.count("<") == 2


def test_a_text_that_fits_into_no_twenty_files_is_named_instead(desk: Desk) -> None:
    """With its size and the limit; where nothing may be attached, there are no files."""
    revoke(desk, "TICKET_APPEND")
    revoke(desk, "TICKET_CREATE")
    desk.trac.set(("attachment", "max_size", "10"))
    request = mail_request(desk.trac.env, "anonymous", "/newticket", {})
    kept = Enclosing(desk.trac.env, desk.staging, request, Ticket(desk.trac.env).resource, "anonymous")
    assert kept.take_text("x" * 100) == ()
    grant(desk, "TICKET_APPEND")
    request = mail_request(desk.trac.env, "anonymous", "/newticket", {})
    kept = Enclosing(desk.trac.env, desk.staging, request, Ticket(desk.trac.env).resource, "anonymous")
    assert kept.take_text("x" * 25) == ("full-text-1.txt", "full-text-2.txt", "full-text-3.txt")
    assert kept.take_text("y" * 201) == ()
    assert kept.refused == [" * `full-text.txt (201 bytes)`: `larger than 20 files of 10 bytes`"]


def test_explaining_names_what_would_become_of_each_file_and_keeps_none(desk: Desk, tmp_path: Path) -> None:
    """One is empty, one too large, one in the ticket already; about another plugins would be asked."""
    enable(desk.trac, "Scanner")
    desk.trac.set(("attachment", "max_size", "50"))
    logo = enclosed(tmp_path, "logo.png", b"\x89PNG logo", inline=True)
    number = desk.file(new_ticket(attachments=(logo,))).ticket
    contents = {"empty": b"", "large": b"x" * 51, "a": b"a"}
    files = (logo, *(enclosed(tmp_path, name, content) for name, content in contents.items()))
    prepared = asked(desk, comment(number, attachments=files), explain=True)
    assert isinstance(prepared, Prepared)
    sentences = [step.sentence for step in prepared.steps]
    for wanted in ("empty", "large (51 bytes)", "logo.png", "Scanner"):
        assert any(wanted in each for each in sentences), sentences
    assert attachments(desk) == [("logo.png", 9)]
    filed = desk.file(comment(number, attachments=files))
    assert attachments(desk) == [("a", 1), ("logo.png", 9)]
    assert "large" in filed.text


def test_an_attachment_whose_file_is_lost_has_no_twin(desk: Desk, tmp_path: Path) -> None:
    """Somebody deleted it from the disk: the same picture is attached anew."""
    logo = enclosed(tmp_path, "logo.png", b"\x89PNG logo", inline=True)
    number = desk.file(new_ticket(attachments=(logo,))).ticket
    [file] = [each for each in (desk.trac.path / "files" / "attachments").rglob("*") if each.is_file()]
    file.unlink()
    desk.file(comment(number, attachments=(logo,)))
    assert len(attachments(desk)) == 2
