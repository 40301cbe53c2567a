"""Limits of the MIME structure, and what they cost."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.mail.spooled import read, spooled
from trac_mailintake.mail.limits import LIMITS, Limits
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.mime.scanner import scan
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "From: ann@example.org\nSubject: Hello\n"


def nested(levels: int) -> str:
    """A text under so many multiparts."""
    opened = "".join(f"Content-Type: multipart/mixed; boundary=b{level}x\n\n--b{level}x\n" for level in range(levels))
    closed = "".join(f"\n--b{level}x--" for level in reversed(range(levels)))
    return f"{HEAD}{opened}Content-Type: text/plain\n\nThe bottom{closed}\n"


def slugs(message: object) -> list[str]:
    """The defects of a message."""
    return [defect.slug for defect in getattr(message, "defects", ())]


@pytest.mark.parametrize("levels", [51, 1_100, 5_000])
def test_deep_nesting_is_a_defect_and_nothing_is_lost(tmp_path: Path, levels: int) -> None:
    """Below fifty multiparts, the rest is one attachment that a mail program can open, in less than a second."""
    started = time.process_time()
    message = read(tmp_path, nested(levels))
    assert time.process_time() - started < 1
    assert slugs(message) == ["deep-nesting"]
    assert "The bottom" in b"".join(transfer_encoding.decoded(message.parts[0])).decode()
    assert message.parts[0].content_type == "message/rfc822"


def test_fifty_levels_are_read(tmp_path: Path) -> None:
    """The limit is beyond what anybody sends on purpose."""
    message = read(tmp_path, nested(50))
    assert (message.text, slugs(message)) == ("The bottom", [])


def test_too_many_parts_end_in_one_attachment(tmp_path: Path) -> None:
    """A hundred thousand parts are a defect in less than a second, and all of them are still there."""
    parts = "".join(f"--b\nContent-Type: application/x; name=n{number}\n\npart {number}\n" for number in range(100_000))
    started = time.process_time()
    message = read(tmp_path, f"{HEAD}Content-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n")
    assert time.process_time() - started < 1
    assert slugs(message) == ["many-parts"]
    assert len(message.parts) == LIMITS.parts
    rest = b"".join(transfer_encoding.decoded(message.parts[-1])).decode()
    assert "part 99999" in rest


def test_a_monstrous_field_does_not_hide_those_after_it(tmp_path: Path) -> None:
    """A field is cut at its limit; the header goes on."""
    message = read(tmp_path, f"X-Long: {'a' * 200_000}\n{HEAD}\nBody\n")
    assert (message.subject, message.text.strip()) == ("Hello", "Body")
    assert slugs(message) == ["long-field"]
    assert len(message.get("X-Long")) < LIMITS.field


def test_a_header_without_end_is_cut(tmp_path: Path) -> None:
    """Ten megabytes of fields are a defect; the body behind them is found."""
    message = read(tmp_path, f"{HEAD}{'X-Field: value' * 3}\n" + "X-More: and more\n" * 600_000 + "\nBody\n")
    assert (message.subject, message.text.strip()) == ("Hello", "Body")
    assert slugs(message) == ["long-head", "no-author"]


@pytest.mark.parametrize("size", [100, 200_000, 262_143, 262_144, 300_000, 1_000_000])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_attachments_across_blocks_are_whole(tmp_path: Path, size: int, newline: bytes) -> None:
    """Wherever a block of the file ends, no byte of an attachment is lost or gained."""
    first, second = bytes(range(256)) * (size // 256 + 1), b"second"
    lines = (
        *(b"Subject: x", b"Content-Type: multipart/mixed; boundary=b", b"", b"--b", b"", b"text"),
        *(b"--b", b"Content-Type: application/x", b"Content-Transfer-Encoding: base64", b""),
        *(
            base64.encodebytes(first).replace(b"\n", newline).rstrip(newline),
            b"--b",
            b"Content-Type: application/y",
            b"",
        ),
        *(second, b"--b--", b""),
    )
    message = read(tmp_path, newline.join(lines))
    assert [b"".join(transfer_encoding.decoded(part)) for part in message.parts] == [first, second]
    assert slugs(message) == []


def test_every_byte_belongs_to_somebody(tmp_path: Path) -> None:
    """The bodies of the leaves lie between the boundaries, without the line break before the next (RFC 2046, 5.1.1)."""
    raw = spooled(
        tmp_path, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n\r\n--b\r\n\r\ntwo\r\n--b--\r\n"
    )
    leaves = [entity for entity in scan(raw, LIMITS).entities if not entity.children]
    assert [raw.part(leaf.body, leaf.end).read() for leaf in leaves] == [b"one\r\n", b"two"]


def test_parts_behind_the_closing_boundary_are_kept(tmp_path: Path) -> None:
    """Some software closes too early and goes on: nothing is lost."""
    message = read(
        tmp_path, f"{HEAD}Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n"
    )
    assert message.text.split() == ["one", "two"]


def test_limits_are_given_by_the_caller(tmp_path: Path) -> None:
    """Nothing in the scanner knows another limit."""
    message = read(tmp_path, nested(3), Limits(depth=2))
    assert slugs(message) == ["deep-nesting"]


MEASURE = """
import re, sys
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.spool import Slice

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) // 1024

path, small, big = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
parse(Slice(path + ".small", 0, small))
before = peak()
message = parse(Slice(path, 0, big))
length = sum(len(piece) for piece in transfer_encoding.decoded(message.parts[0]))
print(peak() - before, length)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_an_attachment(tmp_path: Path) -> None:
    """Parsing and decoding an attachment of 100 MB takes at most 16 MB more than a small mail."""
    head = b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: application/x\n"
    line = base64.b64encode(b"x" * 57) + b"\n"
    path = tmp_path / "mail"
    with path.open("wb") as file:
        file.write(head + b"Content-Transfer-Encoding: base64\n\n")
        block = line * 10_000
        written = 0
        while written < 100 * 1024 * 1024:
            file.write(block)
            written += 570_000
        file.write(b"--b--\n")
    (tmp_path / "mail.small").write_bytes(head + b"\nx\n--b--\n")
    sizes = (str((tmp_path / name).stat().st_size) for name in ("mail.small", "mail"))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), *sizes], capture_output=True, text=True, check=True
    )
    megabytes, length = map(int, done.stdout.split())
    assert length == written
    assert megabytes <= 16


def test_a_slice_within_a_file_is_a_message(tmp_path: Path) -> None:
    """A mail may lie anywhere in its file, as in an mbox."""
    whole = spooled(tmp_path, b"garbage" + f"{HEAD}\nBody".encode() + b"garbage")
    message = parse(Slice(whole.path, 7, whole.length - 14))
    assert (message.subject, message.text) == ("Hello", "Body")
