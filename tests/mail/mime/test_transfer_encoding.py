"""Transfer encodings undone: the bytes are those that were sent."""

from __future__ import annotations

import base64
import binascii
import quopri
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.message import Part
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from pathlib import Path


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


@given(st.binary(min_size=1, max_size=300), st.integers(1, 50), st.sampled_from(["base64", "8bit", "quoted-printable"]))
def test_decoding_may_begin_at_any_of_the_places(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, at: int, encoding: str
) -> None:
    """From each on, the rest is what decoding everything gives behind so many bytes."""
    encoded = base64.encodebytes(content * at) if encoding == "base64" else content
    file = tmp_path_factory.mktemp("places") / "body"
    file.write_bytes(encoded)
    part = Part("1", "a/b", "a", False, "", encoding, "", Slice(str(file), 0, len(encoded)))  # noqa: FBT003 - `inline`, in its place
    whole = b"".join(transfer_encoding.decoded(part))
    places = transfer_encoding.places(part)
    assert places[0] == (0, 0)
    assert encoding != "quoted-printable" or len(places) == 1
    for raw, before in places:
        rest = replace(part, body=part.body.part(raw, len(encoded)))
        assert b"".join(transfer_encoding.decoded(rest)) == whole[before:]


def test_there_are_places_within_a_large_body(tmp_path: Path) -> None:
    """About one for each block of the file, so that the end of a wrapping is soon found."""
    content = bytes(range(256)) * 4000
    encoded = base64.encodebytes(content)
    (tmp_path / "body").write_bytes(encoded)
    part = Part("1", "a/b", "a", False, "", "base64", "", Slice(str(tmp_path / "body"), 0, len(encoded)))  # noqa: FBT003 - `inline`, in its place
    places = transfer_encoding.places(part)
    assert len(places) > len(encoded) // (256 * 1024)
    raw, before = places[-1]
    assert before > len(content) // 2
    rest = replace(part, body=part.body.part(raw, len(encoded)))
    assert b"".join(transfer_encoding.decoded(rest)) == content[before:]


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"begin 644 x\n#86)C\n`\nend\n#86)C\n", b"abc"),
        (b"begin-base64 644 x\n#86)C\n", b"abc"),
        (b"#86)C\n", b"abc"),
        (b"just words\n#86)C\nend\n", b"abc"),
        (b"begin 644 x\n#86)C   \n", b"abc"),
        (b"begin 644 x\n#86\x80\xff\n", b""),
        (b"begin 644 x\n" + b"M" * 9000 + b"\n#86)C\n", b"abc"),
    ],
)
def test_uuencode_as_software_writes_it(encoded: bytes, expected: bytes) -> None:
    """POSIX uuencode; blanks at the end, lines of no file, lines that are none."""
    assert b"".join(transfer_encoding.undo("x-uuencode", blocks(encoded, 1000)))[-len(expected) or None :] == expected


@pytest.mark.parametrize("size", [1, 999, 5000, 20_000])
def test_quoted_printable_in_one_line(size: int) -> None:
    """A line of any length (RFC 2045, 6.7 allows 76 characters); no `=XX` is cut in two, nor is text without one."""
    content = "ü".encode() * size
    encoded = content.hex("=").upper().encode()
    assert b"".join(transfer_encoding.undo("quoted-printable", blocks(b"=" + encoded, 997))) == content
    assert b"".join(transfer_encoding.undo("quoted-printable", blocks(b"x" * size, 997))) == b"x" * size
