"""The text of the leaves that are read: decoded, unwrapped, joined."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mail.spooled import read, spooled
from trac_mailintake.mail.limits import LIMITS, Limits
from trac_mailintake.mail.mime.scanner import scan
from trac_mailintake.mail.text import body_text

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.mime.scanner import Entity

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N"), include_characters=" .\n"), min_size=1)
ANY_FOLDER = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def leaf(folder: Path, fields: str, body: bytes, limits: Limits = LIMITS) -> tuple[body_text.Reader, Entity]:
    """A reader, and the one leaf of a message."""
    raw = spooled(folder, f"{fields}\n\n".encode() + body)
    found = scan(raw, limits)
    return body_text.Reader(raw, found.tape.memory(), limits), found.entities[0]


def slugs(message: Message) -> list[str]:
    """Its defects."""
    return [each.slug for each in message.defects]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("", "7bit"),
        ("BASE64", "base64"),
        ("base64; x=y", "base64"),
        ("quoted-printable (comment)", "quoted-printable"),
        ("'Quoted_Printable'", "quoted-printable"),
        ("x-uue", "x-uuencode"),
        ("b64", "base64"),
        ("binary", "binary"),
        ("utf-8", "8bit"),
    ],
)
def test_transfer_encodings_by_any_name(tmp_path: Path, field: str, expected: str) -> None:
    """RFC 2045, 6.1, and what software says instead; another word changes nothing."""
    _, entity = leaf(tmp_path, f"Content-Transfer-Encoding: {field}" if field else "Subject: x", b"")
    assert body_text.encoding_of(entity) == expected


@ANY_FOLDER
@given(WORDS, st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]))
def test_line_ends_of_any_kind_are_line_feeds(tmp_path: Path, text: str, end: str) -> None:
    """Also those that a gateway has made twice."""
    content = base64.encodebytes(text.replace("\n", end).encode())
    fields = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64"
    reader, entity = leaf(tmp_path, fields, content)
    assert reader.text(entity) == (text, False)


def test_words_that_claim_to_be_base64_are_read_as_they_are(tmp_path: Path) -> None:
    """A mail that was never encoded; base64 has no blanks within a line."""
    message = read(tmp_path, "Content-Transfer-Encoding: base64\n\nThe printer burns, please help.\n")
    assert message.text == "The printer burns, please help.\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("The printer burns.", True),
        ("  \n", False),
        ("Your mail client does not support HTML.", False),
        ("View this email in your browser", False),
        ("This is an HTML-only message.", False),
        ("I told you: our mail software does not support HTML. " + "And that is why I write. " * 20, True),
    ],
)
def test_a_hint_at_the_html_says_nothing(tmp_path: Path, text: str, says: bool) -> None:  # noqa: FBT001 - a row of the table
    """So the HTML is read instead; a long text is no hint, whatever it says."""
    reader, entity = leaf(tmp_path, "Content-Type: text/plain", text.encode())
    assert reader.says_something(entity) is says


def test_html_may_say_its_charset_itself(tmp_path: Path) -> None:
    """If the field says none that is known (RFC 2854, 6)."""
    html = '<html><head><meta http-equiv="x" content="text/html; charset=koi8-r"></head>Привет</html>'.encode("koi8-r")
    for charset in ("", "; charset=unknown-8bit"):
        reader, entity = leaf(tmp_path, f"Content-Type: text/html{charset}", html)
        assert "Привет" in reader.text(entity)[0]
    reader, entity = leaf(tmp_path, "Content-Type: text/html; charset=iso-8859-1", html)
    assert "Привет" not in reader.text(entity)[0]


@ANY_FOLDER
@given(st.binary(max_size=400), st.integers(0, 400), st.integers(0, 400))
def test_what_is_left_out_is_not_read(tmp_path: Path, content: bytes, one: int, other: int) -> None:
    """Such as a uuencoded file within a text; what stands before and behind it stays."""
    start, end = sorted((min(one, len(content)), min(other, len(content))))
    reader, entity = leaf(tmp_path, "Content-Type: text/plain", content)
    assert reader.content(entity, 1000) == (content, False)
    reader.leave_out(entity, ((start, end),))
    assert reader.content(entity, 1000) == (content[:start] + content[end:], False)
    reader.leave_out(entity, ())
    assert reader.content(entity, 1)[0] == (content[:start] + content[end:])[:1]


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_mark_is_found_wherever_the_text_is(tmp_path: Path, size: int) -> None:
    """In a small message, which is in memory, and in a large one, which is not."""
    reader, entity = leaf(tmp_path, "Content-Type: text/plain", b"x" * size + b"begin 644 " + b"y" * size)
    assert reader.has(entity, b"begin 644 ")
    assert not reader.has(entity, b"begin 600 ")


def test_texts_are_joined_in_their_order(tmp_path: Path) -> None:
    """Plain text beside HTML is escaped, so that nothing in it becomes markup; the limit is for all together."""
    parts = "--b\nContent-Type: text/plain\n\n*#1*\n--b\nContent-Type: text/html\n\n<b>two</b>\n--b--\n"
    head = "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n"
    message = read(tmp_path, head + parts)
    assert (message.text, message.markup, message.overlong) == ("*!#1*\n\n'''two'''", True, False)
    plain = parts.replace("text/html", "text/plain")
    short = read(tmp_path, head + plain, Limits(text=8))
    assert (short.text, short.overlong, slugs(short)) == ("*#1*\n\n<b>t"[: len(short.text)], True, ["long-text"])
    assert len(short.text) <= len("*#1*\n\n") + 8


def test_html_that_cannot_be_converted_keeps_its_words(tmp_path: Path) -> None:
    """And so does HTML that Trac would take too long to show."""
    head = "Subject: x\nContent-Type: text/html\n\n"
    message = read(tmp_path, f"{head}<p>It <b>works</b></p>" + "<i>x</i>" * 30_000)
    assert message.text.startswith("It works")
    assert slugs(message) == ["complex-html"]
    heavy = read(tmp_path, f"{head}<p>It works</p>" + "".join(f"<h2>x{each % 2}</h2>" for each in range(6_000)))
    assert "It works\nx0\nx1" in heavy.text
    assert (slugs(heavy), "==" in heavy.text) == (["complex-html"], False)
