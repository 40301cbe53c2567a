"""Which parts are attached (docs/behaviour.md#attachments)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import message, part, service
from tests.mail.wrapped import attached, tnef
from trac_mailintake.builtin.handlers.choose_attachments import choose
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.wiki import formatter_cost

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.builtin.handlers.choose_attachments import Chosen
    from trac_mailintake.mail.message import Message


def chosen(mail: Message, removed: str = "", kept: str | None = None, **typed: str) -> Chosen:
    """What is attached of a mail."""
    return choose(mail, mail.text if kept is None else kept, removed, service(**typed))


def names(choice: Chosen) -> list[str]:
    """The names of what is attached."""
    return [each.name for each in choice.attachments]


def test_attachments_are_kept_in_order(tmp_path: Path) -> None:
    """Enclosed mails and calendars with them."""
    parts = (
        part(tmp_path, "report.pdf"),
        part(tmp_path, "mail.eml", content_type="message/rfc822"),
        part(tmp_path, "meeting.ics", content_type="text/calendar"),
    )
    choice = chosen(message(parts=parts))
    assert [each.part for each in choice.attachments] == list(parts)
    assert names(choice) == ["report.pdf", "mail.eml", "meeting.ics"]
    assert choice.note == ""


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\n\n\n"])
def test_empty_parts_are_dropped(tmp_path: Path, body: bytes) -> None:
    """A part with even a few bytes other than line ends is kept."""
    assert names(chosen(message(parts=(part(tmp_path, "a", body), part(tmp_path, "b", b"MQ==\r\n"))))) == ["b"]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("smime.p7s", "application/pkcs7-signature"),
        ("smime.p7s", "application/x-pkcs7-signature"),
        ("signature.asc", "application/pgp-signature"),
        ("signature.asc", "application/octet-stream"),
        ("Smime.P7S", "application/octet-stream"),
    ],
)
def test_the_signature_of_a_signed_mail_is_dropped(tmp_path: Path, name: str, content_type: str) -> None:
    """Nobody can check it without the exact bytes; the archive has those."""
    fields = (("Content-Type", 'multipart/signed; protocol="x"; boundary=b'),)
    mail = message(fields=fields, parts=(part(tmp_path, name, content_type=content_type),))
    assert names(chosen(mail)) == []


def test_a_key_is_no_signature(tmp_path: Path) -> None:
    """Nor is a file of that name in a mail that is not signed."""
    signed = (("Content-Type", "multipart/signed; boundary=b"),)
    key = part(tmp_path, "key.asc", content_type="application/pgp-keys")
    assert names(chosen(message(fields=signed, parts=(key,)))) == ["key.asc"]
    assert names(chosen(message(parts=(part(tmp_path, "signature.asc"),)))) == ["signature.asc"]


def test_files_can_be_excluded_by_name(tmp_path: Path) -> None:
    """By patterns, without case; a blank is `?`."""
    parts = tuple(part(tmp_path, name) for name in ("Card.VCF", "my logo.png", "mylogo.png", "report.pdf"))
    choice = chosen(message(parts=parts), attachment_exclude="*.vcf, my?logo.png")
    assert names(choice) == ["mylogo.png", "report.pdf"]


# inline images


def test_an_image_that_the_text_shows_is_kept(tmp_path: Path) -> None:
    """By its name or its Content-ID."""
    shown = part(tmp_path, "shot.png", inline=True, content_type="image/png", content_id="1@x")
    assert names(chosen(message(parts=(shown,), text="See [[Image(shot.png)]]", markup=True))) == ["shot.png"]
    assert names(chosen(message(parts=(shown,), text="See [cid:1@x]"))) == ["shot.png"]


def test_an_image_that_only_the_quote_shows_is_dropped(tmp_path: Path) -> None:
    """Such as the logo in a quoted signature; if the answer shows it too, it is kept."""
    logo = part(tmp_path, "logo.png", inline=True, content_type="image/png", content_id="1@x")
    assert names(chosen(message(parts=(logo,)), kept="Yes.", removed="> [image: logo.png]")) == []
    both = chosen(message(parts=(logo,)), kept="Yes: [image: logo.png]", removed="> [image: logo.png]")
    assert names(both) == ["logo.png"]


def test_an_image_that_html_does_not_show_is_dropped(tmp_path: Path) -> None:
    """It was left out of the text for a reason, such as a counting pixel."""
    pixel = part(tmp_path, "pixel.gif", inline=True, content_type="image/gif", content_id="1@x")
    assert names(chosen(message(parts=(pixel,), text="It '''burns'''.", markup=True))) == []


def test_an_image_beside_plain_text_is_kept(tmp_path: Path) -> None:
    """Many programs show a pasted picture in the HTML alone: the screenshot is the report."""
    shot = part(tmp_path, "shot.png", inline=True, content_type="image/png", content_id="1@x")
    assert names(chosen(message(parts=(shot,), text="See below."))) == ["shot.png"]


def test_an_inline_image_without_an_id_is_kept(tmp_path: Path) -> None:
    """Apple Mail sends photos so, between the paragraphs."""
    photo = part(tmp_path, "photo.jpg", inline=True, content_type="image/jpeg")
    assert names(chosen(message(parts=(photo,), text="It '''burns'''.", markup=True))) == ["photo.jpg"]


# too large


def test_of_a_mail_that_is_too_large_nothing_is_attached(tmp_path: Path) -> None:
    """The ticket says what is missing, how large it is, and why."""
    parts = (part(tmp_path, "film.mp4", b"0" * 3000), part(tmp_path, "film.vcf"))
    choice = chosen(message(parts=parts, size=5 * 1024**2), max_size="2M", attachment_exclude="*.vcf")
    assert choice.attachments == ()
    assert "film.mp4 (2.9 KB)" in choice.note
    assert "film.vcf" not in choice.note
    assert "5.0 MB" in choice.note
    assert "2.0 MB" in choice.note


def test_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    """Base64 takes a third more."""
    parts = (part(tmp_path, "film.mp4", b"A" * 78 * 1000, encoding="base64"),)
    choice = chosen(message(parts=parts, size=1025), max_size="1k")
    assert f"film.mp4 ({57_000 / 1024:.1f} KB)" in choice.note


def test_a_mail_of_exactly_that_size_is_whole(tmp_path: Path) -> None:
    """The limit is what is still allowed."""
    assert names(chosen(message(parts=(part(tmp_path, "a"),), size=1024), max_size="1k")) == ["a"]


def test_a_note_names_only_so_many(tmp_path: Path) -> None:
    """The note lists only some of the names, and no name can be markup."""
    parts = tuple(part(tmp_path, f"[[Macro{number}]]") for number in range(25))
    note = chosen(message(parts=parts, size=1025), max_size="1k").note
    assert "5 more" in note
    assert "Macro19" in note
    assert "Macro20" not in note
    assert "[[Macro" not in note.replace("![[Macro", "")


def test_outlooks_wrapping_is_unpacked(tmp_path: Path) -> None:
    """The files in a winmail.dat are attached in its place; its text, which repeats the mail's own, is left out."""
    wrapping = part(tmp_path, "winmail.dat", tnef(attached("plan.txt", b"the plan"), plain=b"It burns."))
    choice = chosen(message(parts=(wrapping, part(tmp_path, "b.txt"))))
    assert names(choice) == ["plan.txt", "b.txt"]
    assert b"".join(transfer_encoding.decoded(choice.attachments[0].part)) == b"the plan"


def test_the_text_in_a_wrapping_is_attached_when_there_is_no_other(tmp_path: Path) -> None:
    """Then it is all that was said."""
    wrapping = part(tmp_path, "winmail.dat", tnef(plain=b"It burns."))
    assert names(chosen(message(text="", parts=(wrapping,)))) == ["message.txt"]


@pytest.mark.parametrize("content", [b"PNG", b"", b"\x78\x9f\x3e\x22", b"\x78\x9f\x3e\x22\x00\x00\x02\x01\x02"])
def test_a_wrapping_that_cannot_be_read_is_kept(tmp_path: Path, content: bytes) -> None:
    """Better than nothing: somebody may have the program for it."""
    wrapping = part(tmp_path, "winmail.dat", content + b"rest")
    assert names(chosen(message(text="", parts=(wrapping,)))) == ["winmail.dat"]


def test_an_invitation_is_told_in_words(tmp_path: Path) -> None:
    """Once, however often the mail holds it; the calendar itself is attached as well. What it says cannot run."""
    calendar = b"BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Plan [[Macro]]\nDTSTART:20260302T100000Z\n"
    parts = [part(tmp_path, name, calendar, content_type="text/calendar") for name in ("invite.ics", "text.ics")]
    choice = chosen(message(parts=tuple(parts)))
    assert names(choice) == ["invite.ics", "text.ics"]
    assert choice.note.count("Invitation: Plan") == 1
    assert "2026-03-02 10:00 (UTC)" in choice.note
    assert "[[Macro]]" not in choice.note.replace("![[", "")


def test_many_invitations_are_bearable_together(tmp_path: Path) -> None:
    """Each of them alone would be cheap enough to stay wiki text."""
    said = "@ " * 100
    lines = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:%d {said}\nDTSTART:20260302T100000Z\nLOCATION:{said}\n"
    events = [(lines % number).encode() for number in range(30)]
    parts = [part(tmp_path, f"{n}.ics", event, content_type="text/calendar") for n, event in enumerate(events)]
    assert not chosen(message(parts=(parts[0],))).note.startswith("{{{")
    note = chosen(message(parts=tuple(parts))).note
    assert not formatter_cost.heavy_markup(note)
    assert note.count("2026-03-02") == len(events)


@pytest.mark.parametrize(
    ("content_type", "said"),
    [
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "encrypted"),
        ("application/x-pkcs7-mime; name=smime.p7m", "encrypted"),
        ("application/pkcs7-mime; smime-type=signed-data", "signature"),
        ('multipart/encrypted; protocol="application/pgp-encrypted"', "encrypted"),
        ("application/octet-stream", ""),
    ],
)
def test_a_mail_that_nobody_can_read_says_so(tmp_path: Path, content_type: str, said: str) -> None:
    """An empty ticket would be a riddle."""
    mail = message(text="", fields=(("Content-Type", content_type),), parts=(part(tmp_path, "smime.p7m"),))
    assert said in chosen(mail).note
    assert bool(said) == bool(chosen(mail).note)
