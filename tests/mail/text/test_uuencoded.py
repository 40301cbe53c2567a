"""Files in the text, as old software wrote them."""

from __future__ import annotations

import binascii
import random
from typing import TYPE_CHECKING

import pytest

from tests.mail.spooled import read
from trac_mailintake.mail.mime import transfer_encoding

if TYPE_CHECKING:
    from pathlib import Path

HEAD = b"From: ann@example.org\nSubject: x\n"


def file(content: bytes, name: str = "a.bin", newline: bytes = b"\n") -> bytes:
    """`begin` to `end`."""
    lines = (binascii.b2a_uu(content[start : start + 45]) for start in range(0, len(content), 45))
    return (b"begin 644 " + name.encode() + b"\n" + b"".join(lines) + b"`\nend\n").replace(b"\n", newline)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_file_of_megabytes_does_not_hide_the_words_behind_it(tmp_path: Path, newline: bytes) -> None:
    """The text is what people wrote, and not cut at its limit for what they enclosed."""
    content = random.Random(1).randbytes(3_000_000)  # noqa: S311 - any bytes will do
    message = read(
        tmp_path, HEAD + newline + b"Before" + newline + file(content, newline=newline) + b"Behind" + newline
    )
    assert message.text.split() == ["Before", "Behind"]
    assert not message.overlong
    assert [b"".join(transfer_encoding.decoded(part)) for part in message.parts] == [content]


def test_only_plain_text_that_is_not_encoded_holds_files(tmp_path: Path) -> None:
    """In base64, or in HTML, nobody ever put them."""
    body = file(b"content")
    for fields in (b"Content-Type: text/html\n", b"Content-Transfer-Encoding: quoted-printable\n"):
        assert read(tmp_path, HEAD + fields + b"\n" + body).parts == ()


@pytest.mark.parametrize(
    "text",
    [
        b"begin 644 x\nand so on\nend\n",
        b"begin 644 x\n#86)C\nno end\n",
        b"  begin 644 x\n#86)C\n`\nend\n",
        b"begin at once\nend\n",
        b"begin 644 x\nend\n",
    ],
)
def test_words_that_look_like_a_file_stay(tmp_path: Path, text: bytes) -> None:
    """Nothing is taken out of a text that was not put into it by a program."""
    message = read(tmp_path, HEAD + b"\n" + text)
    assert (message.parts, message.text.encode()) == ((), text)


def test_names_are_safe(tmp_path: Path) -> None:
    """As every attachment's."""
    mail = HEAD + b"\n" + file(b"1", name="../../etc/passwd") + file(b"2", name="..")
    assert [part.filename for part in read(tmp_path, mail).parts] == ["passwd", "attachment.bin"]


def test_the_text_around_files_in_two_parts(tmp_path: Path) -> None:
    """Each part's files are taken out of that part."""
    part = b"--b\n\none\n" + file(b"1") + b"two\n"
    message = read(tmp_path, HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + part + part + b"--b--\n")
    assert message.text.split() == ["one", "two", "one", "two"]
    assert [part.path for part in message.parts] == ["1.1", "1.2"]
