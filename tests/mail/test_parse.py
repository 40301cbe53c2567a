"""What a message holds, mail by mail: tests/data has each with a twin that says what is expected of it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mail.spooled import read
from trac_mailintake.mail.limits import Limits
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from trac_mailintake.mail.message import Message, Part

DATA = Path(__file__).parents[1] / "data"
MAILS = sorted(DATA.glob("*.eml"))
HEAD = "From: ann@example.org\nTo: support@example.com\nSubject: Hello\nDate: Mon, 2 Mar 2026 10:15:00 +0100\n"


def shown(message: Message) -> dict[str, Any]:
    """The message in the words of the twins."""
    return {
        "subject": message.subject,
        "author": message.author.spec if message.author else None,
        "authors": [address.spec for address in message.authors],
        "name": message.authors[0].name if message.authors else "",
        "message_id": message.message_id,
        "in_reply_to": list(message.in_reply_to),
        "references": list(message.references),
        "bcc": [address.spec for address in message.bcc],
        "date": message.date,
        "return_path": message.return_path,
        "text": message.text.strip("\n"),
        "markup": message.markup,
        "origin": message.origin.value,
        "defects": [defect.slug for defect in message.defects],
    }


def shown_part(part: Part) -> dict[str, Any]:
    """A part in the words of the twins."""
    return {
        "name": part.filename,
        "type": part.content_type,
        "inline": part.inline,
        "content_id": part.content_id,
        "hex": b"".join(transfer_encoding.decoded(part)).hex(),
    }


@pytest.mark.parametrize("mail", MAILS, ids=lambda mail: mail.stem)
def test_a_mail_is_read_as_its_twin_says(mail: Path) -> None:
    """Every field that the twin names is as it says; a list of attachments is complete."""
    expected = tomllib.loads(mail.with_suffix(".toml").read_text("utf-8"))
    attachments = expected.pop("attachments", None)
    message = parse(Slice(str(mail), 0, mail.stat().st_size))
    got = shown(message)
    assert {name: got[name] for name in expected} == {
        name: value.strip("\n") if name == "text" else value for name, value in expected.items()
    }
    if attachments is not None:
        parts = [shown_part(part) for part in message.parts]
        assert [part["name"] for part in parts] == [part["name"] for part in attachments]
        for part, wanted in zip(parts, attachments, strict=True):
            assert {name: part[name] for name in wanted} == wanted


def test_two_from_fields_have_no_author(tmp_path: Path) -> None:
    """The one address of the one From field, or nobody: a sender must not choose which is believed."""
    for mail in ("two_from_fields", "two_addresses_in_from"):
        assert read(tmp_path, (DATA / f"{mail}.eml").read_bytes()).author is None


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=3000))
def test_any_bytes_are_a_message(tmp_path: Path, mail: bytes) -> None:
    """Whatever arrives is read without an exception, and without the last resort for our own faults."""
    assert "unparsable" not in [defect.slug for defect in read(tmp_path, mail).defects]


FRAGMENTS = st.sampled_from(
    [
        *(
            "Subject: ",
            "From: ",
            "To: ",
            "Content-Type: ",
            "Content-Disposition: attachment; filename",
            "*0*=",
            "=",
            ";",
        ),
        *("multipart/mixed; boundary=b", "multipart/alternative; boundary=c", "multipart/signed; boundary=", "\n--b"),
        *(
            "\n--c",
            "--",
            "\n",
            "\r\n",
            "\r",
            "\n\n",
            "\x00",
            "=?utf-8?q?",
            "=?iso-2022-jp?B?",
            "?=",
            "=E9",
            "%E9",
            '"',
            "<",
        ),
        *(">", "(", ")", ",", ":", "a@b.c", "text/html", "message/rfc822", "Content-Transfer-Encoding: base64", "QUJD"),
        *(
            "quoted-printable",
            "\u00fc",
            "<b>",
            "<!--",
            "begin 644 x",
            "\nend\n",
            "'",
            "\\",
            " ",
            "\t",
            "charset=utf-7",
            "+AGE-",
        ),
    ]
)


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FRAGMENTS, max_size=60).map("".join))
def test_any_mixture_of_mail_syntax_is_a_message(tmp_path: Path, mail: str) -> None:
    """Broken structure is read without an exception; every text of the result can be stored in a database."""
    message = read(tmp_path, mail)
    assert "unparsable" not in [defect.slug for defect in message.defects]
    names = [part.filename for part in message.parts]
    for text in (message.subject, message.text, *names, *(value for _, value in message.fields)):
        text.encode("utf-8")
        assert "\x00" not in text
    assert all(names)
    for part in message.parts:
        b"".join(transfer_encoding.decoded(part))


def test_the_digest_does_not_see_the_way_a_mail_took(tmp_path: Path) -> None:
    """Trace headers differ between two copies of one mail; its digest does not."""
    first = read(tmp_path, f"Received: from a by b\nDelivered-To: one@example.com\n{HEAD}\nBody\n")
    second = read(tmp_path, f"Received: from c by d\nReturn-Path: <ann@example.org>\nX-Spam: no\n{HEAD}\nBody\n")
    assert first.digest == second.digest
    assert first.sha256 != second.sha256


@pytest.mark.parametrize("other", ["ann@", "Hello", "10:15", "Body"])
def test_the_digest_sees_sender_date_subject_and_body(tmp_path: Path, other: str) -> None:
    """Two mails that differ in any of these are two mails."""
    mail = f"{HEAD}\nBody\n"
    assert read(tmp_path, mail).digest != read(tmp_path, mail.replace(other, other[:-1] + "9")).digest


def test_the_hashes_are_those_of_the_bytes(tmp_path: Path) -> None:
    """`sha256` and `size` name the raw mail, also one of several blocks."""
    from hashlib import sha256  # noqa: PLC0415 - only here

    mail = (HEAD + "\n").encode() + b"x" * 700_000
    message = read(tmp_path, mail)
    assert (message.sha256, message.size) == (sha256(mail).hexdigest(), len(mail))


def test_text_over_the_limit_is_cut_and_said_so(tmp_path: Path) -> None:
    """A text part of any length costs no more than the limit."""
    message = read(tmp_path, f"{HEAD}\n{'word ' * 1000}", Limits(text=100))
    assert message.overlong
    assert len(message.text) == 100
    assert "long-text" in [defect.slug for defect in message.defects]


def test_a_missing_spool_file_is_an_error_not_a_message(tmp_path: Path) -> None:
    """A file that cannot be read is the machine's fault: the mail must not be taken for an empty one."""
    with pytest.raises(OSError, match="ends"):
        parse(Slice(str(tmp_path / "short"), 0, 10) if (tmp_path / "short").write_bytes(b"abc") else Slice("", 0, 0))


def test_many_references_keep_the_first_and_the_newest(tmp_path: Path) -> None:
    """The first began the thread, the newest are answered (RFC 5322, 3.6.4)."""
    ids = [f"<{number}@example.org>" for number in range(20)]
    message = read(tmp_path, f"{HEAD}References: {' '.join(ids)}\n\nBody\n", Limits(ids=5))
    assert message.references == (ids[0], *ids[-4:])
    assert read(tmp_path, f"{HEAD}References: {' '.join(ids[:5])}\n\nBody\n", Limits(ids=5)).references == (*ids[:5],)


def enclosed(fields: str, inside: str) -> str:
    """A mail with a text and one more part."""
    return f"{HEAD}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nText\n--b\n{fields}\n\n{inside}\n--b--\n"


@pytest.mark.parametrize(
    ("fields", "inside", "name"),
    [
        ("Content-Type: message/rfc822", "Subject: The =?utf-8?q?=C3=BCber?= printer\n\nx", "The über printer.eml"),
        ("Content-Type: message/rfc822", "\n\nSubject: Fire\n\nx", "Fire.eml"),
        ("Content-Type: message/rfc822", "From: a@b.example\n\nx", "message.eml"),
        ("Content-Type: message/rfc822; name=a.eml", "Subject: Fire\n\nx", "a.eml"),
        ("Content-Type: image/png; name=a[1].png", "x", "a[1].png"),
        ("Content-Type: image/png; name=a[1].png\nContent-ID: <i@x>", "x", "a_1_.png"),
        ("Content-Type: application/pdf", "x", "attachment.pdf"),
    ],
)
def test_each_attachment_has_a_name(tmp_path: Path, fields: str, inside: str, name: str) -> None:
    """Its own, else that of its subject or its type; an image in the text has one that the wiki can show."""
    [part] = read(tmp_path, enclosed(fields, inside)).parts
    assert part.filename == name


@pytest.mark.parametrize(
    ("fields", "inline"),
    [
        ("Content-Disposition: inline", True),
        ("Content-ID: <i@x>", True),
        ("Content-ID: <i@x>\nContent-Disposition: attachment", False),
        ("X: y", False),
    ],
)
def test_what_the_body_shows_is_inline(tmp_path: Path, fields: str, inline: bool) -> None:  # noqa: FBT001 - a row of the table
    """RFC 2183, 2.1, and what has an id to be referred to (RFC 2392)."""
    [part] = read(tmp_path, enclosed(f"Content-Type: image/png\n{fields}", "x")).parts
    assert part.inline is inline


class BrokenLimits:
    """Limits that no scanner can work with: any fault of ours, in the midst of a message."""

    def __getattr__(self, name: str) -> int:
        """None of them is there."""
        raise LookupError(name)


def test_a_fault_of_ours_loses_no_mail(tmp_path: Path) -> None:
    """What cannot be parsed is kept as it came, with its beginning as text, and says so."""
    mail = HEAD.encode() + b"\nBody \xff\n"
    message = read(tmp_path, mail, BrokenLimits())  # type: ignore[arg-type]  # what no caller gives
    assert ([each.slug for each in message.defects], message.size) == (["unparsable"], len(mail))
    assert message.text.endswith("Body \ufffd\n")
    assert message.raw.read() == mail
    assert not message.overlong


def test_an_author_that_is_left_out_leaves_nobody(tmp_path: Path) -> None:
    """An address that is too long to be read may be the one that counts elsewhere."""
    message = read(tmp_path, f"From: Ann (she) <{'a' * 600}@example.org>, Bob <bob@example.org>\n\nBody\n")
    assert ([each.spec for each in message.authors], message.author) == (["bob@example.org"], None)
    assert message.disowned


def test_what_is_nested_too_deeply_is_a_message_to_open(tmp_path: Path) -> None:
    """With its header, so that a mail program can open it."""
    inner = "Content-Type: multipart/mixed; boundary=c\n\n--c\n\nThe bottom\n--c--\n"
    message = read(
        tmp_path, f"{HEAD}Content-Type: multipart/mixed; boundary=b\n\n--b\n{inner}\n--b--\n", Limits(depth=1)
    )
    [part] = message.parts
    assert (part.content_type, part.filename) == ("message/rfc822", "message.eml")
    assert part.body.read().decode().startswith("Content-Type: multipart/mixed; boundary=c")
