"""Transfer encodings undone: the bytes are those that were sent."""

from __future__ import annotations

import base64
import binascii
import quopri
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.message import Part
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.spool import Slice


def blocks(encoded: bytes, size: int) -> list[bytes]:
    """The bytes in pieces, as a file gives them."""
    return [encoded[start : start + size] for start in range(0, len(encoded), size)]


@given(st.binary(max_size=2000), st.integers(1, 100))
def test_base64_in_any_blocks(content: bytes, size: int) -> None:
    """Wherever the blocks end."""
    assert b"".join(transfer_encoding.undo("base64", blocks(base64.encodebytes(content), size))) == content


@given(st.binary(max_size=2000), st.integers(1, 100))
def test_quoted_printable_in_any_blocks(content: bytes, size: int) -> None:
    """Wherever the blocks end."""
    content = content.replace(b"\r", b"")
    encoded = quopri.encodestring(content, quotetabs=True)
    assert b"".join(transfer_encoding.undo("quoted-printable", blocks(encoded, size))) == content


@given(st.binary(max_size=2000), st.integers(1, 100))
def test_uuencode_in_any_blocks(content: bytes, size: int) -> None:
    """With the lines around it, or without."""
    lines = b"".join(binascii.b2a_uu(content[start : start + 45]) for start in range(0, len(content), 45))
    encoded = b"text\nbegin 644 name\n" + lines + b"`\nend\nmore text\n"
    assert b"".join(transfer_encoding.undo("x-uuencode", blocks(encoded, size))) == content


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"QUJD", b"ABC"),
        (b"QU JD\r\n!", b"ABC"),
        (b"QUI=QUI=", b"ABAB"),
        (b"QUI", b"AB"),
        (b"QUJDR", b"ABC"),
        (b"====", b""),
        (b"QUJD\n--\nfooter", base64.b64decode(b"QUJDfooter==")[:7]),
    ],
)
def test_broken_base64_gives_what_is_there(encoded: bytes, expected: bytes) -> None:
    """Junk is skipped, bodies that were glued together are both there."""
    assert b"".join(transfer_encoding.undo("base64", [encoded])) == expected


@given(st.binary(max_size=500), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "7bit", "x-unknown"]))
def test_any_bytes_can_be_decoded(content: bytes, encoding: str) -> None:
    """Never an exception; an unknown encoding changes nothing."""
    result = b"".join(transfer_encoding.undo(encoding, [content]))
    assert encoding in {"base64", "quoted-printable", "x-uuencode"} or result == content


@given(st.binary(max_size=5000))
def test_the_size_is_known_without_decoding(content: bytes) -> None:
    """Nearly so for base64, and exactly for a stretch of anything, which is decoded alone."""
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    part = Part("1", "a/b", "a", False, "", "base64", "", Slice("", 0, len(encoded)))  # noqa: FBT003 - `inline`, in its place
    assert abs(transfer_encoding.about(part) - len(content)) <= 4 + len(content) // 50
    stretch = transfer_encoding.stretch("base64", 10, max(10, len(content) - 10))
    decoded = b"".join(transfer_encoding.undo(stretch, blocks(encoded, 100)))
    assert decoded == content[10 : max(10, len(content) - 10)]
    assert transfer_encoding.about(replace(part, encoding=stretch)) == max(0, len(content) - 20)
