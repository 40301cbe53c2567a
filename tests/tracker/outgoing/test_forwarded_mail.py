"""A forward encloses the original as it came, so that who gets it can open, answer and report it."""

from __future__ import annotations

import json
from dataclasses import replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.outgoing import forwarded_mail
from trac_mailintake.tracker.outgoing.forwarded_mail import Forwarded, forward

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

TRAIL = json.dumps([["screen", "bulk", "It is automatic."], ["route", "new", "No ticket."]])
MAIL = Forwarded(12, "bulk", "It is automatic.", "Away", "ann@example.net", TRAIL, "help@example.org", None)
PLAIN = b"From: ann@example.net\r\nSubject: Away\r\n\r\nI am away.\r\n"


def original(folder: Path, content: bytes) -> Slice:
    """The bytes as the archive keeps them, among those of other mails."""
    file = folder / "batch"
    file.write_bytes(b"before" + content + b"behind")
    return Slice(str(file), 6, len(content))


def read(trac: TracEnv, mail: Forwarded) -> tuple[EmailMessage, str, EmailMessage | None]:
    """The letter, its explanation, and what is enclosed."""
    sent = message_from_bytes(forward(trac.env, mail, "boss@example.org"), policy=policy.default)
    first, *rest = sent.iter_parts()
    return sent, first.get_content(), rest[0] if rest else None  # type: ignore[return-value]  # EmailMessages


def enclosed(trac: TracEnv, mail: Forwarded) -> bytes:
    """The bytes between the delimiters, behind the part's header."""
    whole = forward(trac.env, mail, "boss@example.org")
    boundary = whole.partition(b'boundary="')[2].partition(b'"')[0]
    part = whole.split(b"--" + boundary)[2]
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")


def test_it_says_why_and_how_it_was_decided(shared_env: TracEnv) -> None:
    """With a link to the journal; without an original where none was kept."""
    sent, text, nothing = read(shared_env, MAIL)
    assert sent["Subject"] == "[Project of a test] Not filed (bulk): Away"
    assert sent["To"] == "boss@example.org"
    for wanted in ("It is automatic.", "ann@example.net", "/admin/mailintake/journal/12", "route: new: No ticket."):
        assert wanted in text
    assert nothing is None


@pytest.mark.parametrize(
    ("content", "encoding"),
    [(PLAIN, "7bit"), (PLAIN.replace(b"\r\n", b"\n"), "7bit"), (PLAIN + "Grüße\r\n".encode(), "8bit"), (b"", "7bit")],
)
def test_the_original_is_a_message_unchanged(
    shared_env: TracEnv, tmp_path: Path, content: bytes, encoding: str
) -> None:
    """RFC 2046, 5.2.1: no encoding but 7bit and 8bit; its lines end as they must in mail."""
    mail = replace(MAIL, original=original(tmp_path, content))
    _, _, part = read(shared_env, mail)
    assert part is not None
    assert (part.get_content_type(), part["Content-Transfer-Encoding"]) == ("message/rfc822", encoding)
    assert part.get_filename() == "original.eml"
    assert enclosed(shared_env, mail) == content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@pytest.mark.parametrize("content", [PLAIN + b"\0", PLAIN + b"x" * 999 + b"\r\n", PLAIN + b"a\rb", PLAIN + b"\r"])
def test_what_no_mail_server_may_carry_is_a_file(shared_env: TracEnv, tmp_path: Path, content: bytes) -> None:
    """Zero octets, long lines and bare CR are kept by base64, byte for byte."""
    _, _, part = read(shared_env, replace(MAIL, original=original(tmp_path, content)))
    assert part is not None
    assert (part.get_content_type(), part.get_filename()) == ("application/octet-stream", "original.eml")
    assert part.get_content() == content


def test_of_a_huge_mail_the_beginning_is_enclosed(shared_env: TracEnv, tmp_path: Path) -> None:
    """Trac's sender needs it in memory; the whole is in the journal, and the letter says so."""
    content = PLAIN + b"y" * forwarded_mail.LIMIT
    _, text, part = read(shared_env, replace(MAIL, original=original(tmp_path, content)))
    assert part is not None
    assert part.get_filename() == "original-beginning.eml"
    assert part.get_content() == content[: 64 * 1024]
    assert f"The original has {len(content)} bytes" in text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(content=st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"=_mailintake_", b"\xff", b"\0", b"a", b"."])))
def test_whatever_bytes_came_the_same_bytes_are_enclosed(
    shared_env: TracEnv, tmp_path: Path, content: list[bytes]
) -> None:
    """As a message with the line ends of mail, or as a file with its own."""
    raw = b"".join(content)
    mail = replace(MAIL, original=original(tmp_path, raw))
    _, _, part = read(shared_env, mail)
    assert part is not None
    if part.get_content_type() == "message/rfc822":
        assert enclosed(shared_env, mail).replace(b"\r\n", b"\n") == raw.replace(b"\r\n", b"\n")
    else:
        assert part.get_content() == raw


def test_an_archive_that_cannot_be_read_is_no_empty_letter(shared_env: TracEnv, tmp_path: Path) -> None:
    """It is tried again later."""
    with pytest.raises(OSError):  # noqa: PT011 - whatever the file system says
        forward(shared_env.env, replace(MAIL, original=Slice(str(tmp_path / "gone"), 0, 5)), "boss@example.org")
