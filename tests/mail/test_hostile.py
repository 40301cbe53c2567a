"""Mail that is made to hurt: a clear outcome, at once, in bounded memory."""

from __future__ import annotations

import base64
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.mail.spooled import read
from trac_mailintake.mail.mime import transfer_encoding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trac_mailintake.mail.message import Message

pytestmark = pytest.mark.slow

HEAD = b"From: eve@example.net\nTo: support@example.com\n"
PLAIN = b"Content-Type: text/plain; charset=utf-8\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b\n"
MEGABYTE = 1024 * 1024
MEMORY = 80
"""Megabytes that a process may take, itself included, to read all of these one after the other."""

FIELDS: dict[str, bytes] = {
    "a subject of 200 KB of encoded words": b"Subject: " + b"=?utf-8?Q?word=C3=BC?=\n " * 9_000 + b"end",
    "a subject of openings of encoded words": b"Subject: " + b"=?" * 100_000,
    "a subject of encoded words without an end": b"Subject: " + b"=?utf-8?Q?a" * 15_000,
    "a subject of dots": b"Subject: " + b"." * 200_000,
    "a subject of brackets": b"Subject: " + b"[" * 200_000,
    "a subject of blanks": b"Subject: x" + b" \t" * 100_000 + b"x",
    "a subject of question marks": b"Subject: =?utf-8?Q?" + b"?" * 200_000,
    "a megabyte of ids": b"References: " + b"<1@example.net> " * 65_000,
    "a megabyte of openings of ids": b"References: " + b"<" * MEGABYTE,
    "commas": b"To: " + b"," * 200_000,
    "addresses": b"To: " + b"a@b.example, " * 50_000,
    "quotes": b'From: "' + b'"a' * 100_000,
    "parentheses": b"From: " + b"(" * 200_000,
    "angles": b"From: " + b"<" * 200_000,
    "groups": b"To: " + b"a:" * 100_000,
    "parameters": b"Content-Type: text/plain" + b"; a=b" * 50_000,
    "continuations": b"Content-Disposition: attachment"
    + b"".join(b"; filename*%d*=x" % each for each in range(20_000)),
    "backslashes in a parameter": b'Content-Type: text/plain; name="' + b"\\" * 200_000,
    "blanks in a parameter": b"Content-Type: text/plain; name=a" + b" " * 200_000 + b"b",
    "a date of 200 KB": b"Date: " + b"Mon, 2 Mar 2026 " * 13_000,
    "fields without number": b"X-Field: x\n" * 200_000,
    "junk between fields": b"junk\nX-Field: x\n" * 60_000,
    "a boundary of 16 KB": b'Content-Type: multipart/mixed; boundary="' + b"b" * 16_000 + b'"',
    "an escape sequence each two bytes": b"Subject: " + b"\x1b$B!!\x1b(B" * 20_000,
}

BODIES: dict[str, bytes] = {
    "5 MB in one line": PLAIN + b"\n" + b"word " * MEGABYTE,
    "5 MB of blanks": PLAIN + b"\n" + b" " * 5 * MEGABYTE,
    "5 MB of line breaks": PLAIN + b"\n" + b"\n" * 5 * MEGABYTE,
    "5 MB of carriage returns": PLAIN + b"\n" + b"\r" * 5 * MEGABYTE,
    "5 MB of base64 in one line": MIXED
    + b"\n--b\nContent-Transfer-Encoding: base64\nContent-Type: image/png\n\n"
    + base64.b64encode(b"\0" * 4 * MEGABYTE),
    "soft line breaks": PLAIN + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=\n" * 2 * MEGABYTE,
    "quoted-printable in one line": PLAIN + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=41" * 2 * MEGABYTE,
    "soft breaks of format=flowed": PLAIN.replace(b"utf-8", b"utf-8; format=flowed") + b"\n" + b"a \n" * MEGABYTE,
    "quotes of format=flowed": PLAIN.replace(b"utf-8", b"utf-8; format=flowed") + b"\n" + b">" * 5 * MEGABYTE,
    "lines that are nearly a boundary": MIXED + b"\n" + b"\n--bx" * MEGABYTE,
    "multiparts without a boundary": b"Content-Type: multipart/mixed\n\n" + b"--x\ncontent-x: y\n" * 200_000,
    "multiparts with each its own": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (each, each) for each in range(20_000)
    ),
    "beginnings of uuencoded files": PLAIN
    + b"\n"
    + b"begin 644 x\nM"
    + b"A" * 60
    + b"\n" * 2
    + b"begin 644 x\n" * 400_000,
    "uuencoded files": PLAIN + b"\n" + b"begin 644 x\n#86)C\n`\nend\n" * 100_000,
    "bytes of no charset": b"Content-Type: text/plain; charset=x-none\n\n" + random.Random(1).randbytes(MEGABYTE),  # noqa: S311 - noise
    "escape sequences": b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + b"\x1b$B!!\x1b(B\xff" * 100_000,
    "a bounce of many words": HEAD + b"Subject: Undeliverable\n\n" + b"could not be delivered " * 200_000,
    "300 attachments": MIXED
    + b"".join(b"\n--b\nContent-Type: image/png; name=n%d.png\n\n%d" % (each, each) for each in range(300)),
}


@pytest.mark.parametrize("name", FIELDS)
def test_hostile_fields(tmp_path: Path, name: str) -> None:
    """Less than a second; the body is read all the same."""
    message = timed(tmp_path, HEAD + FIELDS[name] + b"\n\nThe body\n")
    assert "The body" in message.text or any(
        b"The body" in b"".join(transfer_encoding.decoded(part)) for part in message.parts
    )


@pytest.mark.parametrize("name", BODIES)
def test_hostile_bodies(tmp_path: Path, name: str) -> None:
    """Less than a second, and the fields are read all the same."""
    message = timed(tmp_path, b"Subject: Hello\n" + HEAD + BODIES[name])
    assert (message.subject, message.authors[0].spec) == ("Hello", "eve@example.net")


def timed(folder: Path, mail: bytes) -> Message:
    """The message, which must not have taken a second of CPU."""
    started = time.process_time()
    message = read(folder, mail)
    assert time.process_time() - started < 1
    assert "unparsable" not in [defect.slug for defect in message.defects]
    return message


def test_none_of_these_takes_much_memory(tmp_path: Path) -> None:
    """Measured in a process of its own, by the peak of its own memory: `ru_maxrss` is inherited."""
    for number, mail in enumerate([*FIELDS.values(), *BODIES.values()]):
        (tmp_path / f"{number}.eml").write_bytes(HEAD + mail + b"\n\nThe body\n")
    program = (
        "import os, re, sys\n"
        "from trac_mailintake.mail.parse import parse\n"
        "from trac_mailintake.mail.spool import Slice\n"
        "for path in sys.argv[1:]:\n"
        "    parse(Slice(path, 0, os.path.getsize(path)))\n"
        "print(int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) // 1024)\n"
    )
    paths = map(str, sorted(tmp_path.iterdir()))
    done = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True)
    assert int(done.stdout) < MEMORY


def test_three_hundred_attachments_are_all_there(tmp_path: Path) -> None:
    """What is many is not too many."""
    message = read(tmp_path, HEAD + BODIES["300 attachments"])
    assert [part.filename for part in message.parts] == [f"n{number}.png" for number in range(300)]


def test_the_fields_of_all_parts_together_are_bounded(tmp_path: Path) -> None:
    """What lies behind a megabyte of them is kept as one attachment, and the message says so."""
    part = b"\n--b\nContent-Type: image/png; name=n%d.png\nX-More: " + b"x" * 10_000 + b"\n\n%d"
    message = read(tmp_path, HEAD + MIXED + b"".join(part % (each, each) for each in range(300)))
    [defect] = [defect for defect in message.defects if defect.slug == "many-fields"]
    assert defect.sentence.startswith("The message has more than 1048576 bytes of header fields in its parts: the rest")
    assert 100 < len(message.parts) < 120
    assert b"name=n299.png" in message.parts[-1].body.read()
    assert not read(tmp_path, HEAD + BODIES["300 attachments"]).defects[1:]


def _sees_one_sender(message: Message) -> bool:
    return message.author is not None and message.author.spec == "eve@example.net"


@pytest.mark.parametrize(
    ("field", "holds"),
    [
        ("From: =?utf-8?Q?boss=40example.com=2C?= <eve@example.net>", _sees_one_sender),
        ("From: =?utf-8?Q?<boss=40example.com>?= <eve@example.net>", _sees_one_sender),
        ("From: =?utf-8?Q?boss=40example.com=0D=0A=00?= eve@example.net", _sees_one_sender),
        ('From: "boss@example.com"\0 <eve@example.net>', _sees_one_sender),
        ("From: boss@example.com\nFrom: eve@example.net", lambda message: message.author is None),
        ("From: boss@example.com, eve@example.net", lambda message: message.author is None),
        ("From: boss@example.com,\n eve@example.net", lambda message: message.author is None),
        ("From: <boss@example.com> <eve@example.net>", lambda message: message.author is None),
        ("Sender: boss@example.com\nFrom: eve@example.net", _sees_one_sender),
        ("FROM : eve@example.net", _sees_one_sender),
    ],
)
def test_nobody_hides_behind_another(tmp_path: Path, field: str, holds: Callable[[Message], bool]) -> None:
    """The one address of the one From field, or nobody: what is encoded is a name."""
    assert holds(read(tmp_path, f"{field}\nSubject: x\n\nBody\n"))


def test_encoded_words_make_no_fields_and_no_lines(tmp_path: Path) -> None:
    """What is decoded never becomes syntax."""
    message = read(
        tmp_path, "From: a@example.org\nSubject: =?utf-8?Q?x=0D=0ABcc:_b=40example.org=00=0A=0Abody?=\n\nText\n"
    )
    assert (message.bcc, message.text) == ((), "Text\n")
    assert not set("\r\n\0") & set(message.subject)
