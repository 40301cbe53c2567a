"""Nobody is the author of a mail of which a part of the header was not read: it may name somebody else.

A border host that verified the mail saw all of it. Its readers of headers are played here by Python's, and by one that
takes whatever might be a line for a line, and any blank line for the end.
"""

from __future__ import annotations

import email
import random
import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.mail.spooled import read
from trac_mailintake.mail.defects import NO_AUTHOR
from trac_mailintake.mail.limits import LIMITS, Limits

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.mail.message import Message

pytestmark = pytest.mark.slow

ALICE: Final = "alice@mail.example"
EVIL: Final = "evil@mail.example"
SMALL: Final = Limits(head=2000, field=300)
ENDS: Final = (b"\n", b"\r\n", b"\r")
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


def head(*lines: str | bytes, end: bytes = b"\n", body: bytes = b"Hello") -> bytes:
    """A mail of Alice's with more lines in its header."""
    raw = (each if isinstance(each, bytes) else each.encode() for each in (f"From: {ALICE}", *lines))
    return end.join((*raw, b"", body, b""))


def is_nobodys(message: Message) -> bool:
    """Whether it has no author, and says so."""
    said = [defect.slug for defect in message.defects].count(NO_AUTHOR.slug)
    assert said == (message.author is None) == message.disowned
    return message.author is None


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("behind", range(-60, 10))
def test_a_second_from_about_the_limit_of_the_header(tmp_path: Path, end: bytes, behind: int) -> None:
    """Wherever the limit cuts: before it, in its name, in its value, behind it."""
    before = len(f"From: {ALICE}") + 9 * 200
    lines = [*(["X-More: " + "y" * 191] * 9), "X: " + "x" * (SMALL.head - before + behind)]
    message = read(tmp_path, head(*lines, f"From: {EVIL}", end=end), SMALL)
    assert message.author is None


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("behind", range(-25, 4))
def test_a_second_from_about_the_end_of_what_is_looked_at(tmp_path: Path, end: bytes, behind: int) -> None:
    """One monstrous field, of which little is kept, before it: no limit but that of the window cuts then."""
    block = 256 * 1024  # what is read from the disk at once: nothing smaller is left unread
    big = 2 * block - len(f"From: {ALICE}" + "X: ") - 2 * len(end) + behind
    limits = Limits(head=2 * block // 4, field=300)
    message = read(tmp_path, head("X: " + "x" * big, f"From: {EVIL}", end=end, body=b"y" * block), limits)
    assert message.author is None


@pytest.mark.parametrize("end", ENDS)
def test_a_header_of_exactly_the_limit_has_an_author(tmp_path: Path, end: bytes) -> None:
    """Nothing was left out; with one byte more something may have been."""
    more = len(end)  # as the limit counts: a name, a value with its CR, and two
    kept = len(f"From: {ALICE}") + more
    lines = ["X-More: " + "y" * (192 - more)] * 9  # 200 each
    rest = SMALL.head - kept - 9 * 200 - len("X: ") - more
    exact = read(tmp_path, head(*lines, "X: " + "x" * rest, end=end), SMALL)
    assert exact.author is not None
    assert not exact.disowned
    assert is_nobodys(read(tmp_path, head(*lines, "X: " + "x" * (rest + 1), end=end), SMALL))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", ["From", "FROM ", "Sender", "Authentication-Results"])
def test_a_field_that_tells_who_wrote_is_whole_or_nobody_wrote(tmp_path: Path, end: bytes, name: str) -> None:
    """Cut by one byte, or by many; what is only long has its author, and so has a mail whose other fields are cut."""
    for more, lost in ((0, False), (1, True), (5000, True)):
        rest = SMALL.field - len(f" {ALICE} ()") - end.startswith(b"\r\n") + more  # a field's CR counts
        value = f" {ALICE} ({'c' * rest})"
        lines = [f"{name}:{value}".encode(), b"Subject: x"]
        fields = lines if name.startswith(("From", "FROM")) else [f"From: {ALICE}".encode(), *lines]
        message = read(tmp_path, end.join((*fields, b"", b"Hello", b"")), SMALL)
        assert is_nobodys(message) == lost, (more, message.defects)
    assert not is_nobodys(read(tmp_path, head("X-Spam-Report: " + "x" * 5000, "To: " + "t@x.example, " * 900, end=end)))


@pytest.mark.parametrize("limits", [SMALL, LIMITS])
def test_an_address_behind_a_long_comment(tmp_path: Path, limits: Limits) -> None:
    """On one line or folded over many."""
    for comment in ("c" * limits.field, "\n ccc" * (limits.field // 4)):
        mail = f"From: {ALICE} ({comment}), {EVIL}\nSubject: x\n\nHello\n"
        assert is_nobodys(read(tmp_path, mail, limits))


def test_an_address_too_long_to_be_read(tmp_path: Path) -> None:
    """It is left out of the addresses, but it is one."""
    for other in (f"{'e' * 600}@mail.example", f"Evil <{'e' * 600}@mail.example>", f'"{"e" * 600}"@mail.example'):
        assert is_nobodys(read(tmp_path, f"From: {ALICE}, {other}\nSubject: x\n\nHello\n"))
    name = "n" * 2000
    assert not is_nobodys(read(tmp_path, f'From: "{name}, {name}" <{ALICE}> ({name})\nSubject: x\n\nHello\n'))


def test_no_address_hides_another_by_its_length(tmp_path: Path) -> None:
    """Whatever stands around it, such as marks that nobody closes: its author is that of a short one, or nobody."""
    chance = random.Random(13)  # noqa: S311 - the same fields each time
    long, short = "e" * 600, "evil"
    pieces = (ALICE, f"<{ALICE}>", f"{long}@x.example", f"<{long}@x.example>", "Al", long, *'"" "<>(),;:\\ =')
    for _ in range(1000):
        value = "".join(chance.choice(pieces) for _ in range(chance.randint(2, 8)))
        authors = [read(tmp_path, f"From: {each}\n\nHello\n").author for each in (value, value.replace(long, short))]
        specs = [each and each.spec.replace(long, short) for each in authors]
        assert specs[0] in {None, specs[1]}, value.replace(long, "E")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "line",
    [
        f"From: {EVIL}",
        f"fROM \t: {EVIL}",
        f"\0From: {EVIL}",
        f"Fr\0om: {EVIL}",
        f"\ufeffFrom: {EVIL}",
        f"From\0:{EVIL}",
    ],
)
def test_a_from_that_only_others_take_for_one(tmp_path: Path, line: str, end: bytes) -> None:
    """Behind a line that is no field, behind a lone CR, behind bytes that are dropped elsewhere."""
    assert read(tmp_path, head("no field", "nor this", line, "Subject: x", end=end)).author is None
    assert read(tmp_path, head("no field", line, "Subject: x", end=end)).author is None
    assert read(tmp_path, head("no field", "X: y", line, end=end)).author is None
    assert read(tmp_path, head(line, "Subject: x", end=end)).author is None
    if not line.startswith("\ufeff"):
        assert read(tmp_path, head(f"X: y\r{line}", "Subject: x", end=end)).author is None
        assert read(tmp_path, head(f"X: y\r\r{line}", "Subject: x", end=end)).author is None


def test_what_is_no_field_for_anybody_leaves_the_author(tmp_path: Path) -> None:
    """Words of a letter, folded lines, names that only begin alike, and all that follows a blank line."""
    for lines in (
        ["Subject: x", " From: the office"],
        ["Subject: x from: y", "X-From: z", "From-Line: z", "Fromage: z"],
        ["Subject: x\r From: y"],
        ["no field", "and none from: me"],
        ["no field", "Subject: x"],
        ["no field", "none", "", f"From: {EVIL}"],
        ["", f"From: {EVIL}"],
    ):
        assert not is_nobodys(read(tmp_path, head(*lines)))


@pytest.mark.parametrize("name", ["To", "Cc", "Bcc", "Delivered-To", "In-Reply-To", "References"])
def test_what_a_limit_leaves_of_a_field_is_what_the_field_begins_with(tmp_path: Path, name: str) -> None:
    """No signed address and no id comes about by a cut, wherever that is: the last one is shorter, or not there."""
    written = [f"support+{number}.{'abcdefgh' * 2}@example.org" for number in range(12, 19)]
    ids = name in {"In-Reply-To", "References"}
    value = " ".join(f"<{each}>" for each in written) if ids else ", ".join(written)
    for field in range(1, len(value) + 2):
        message = read(tmp_path, head(f"{name}: {value}"), Limits(head=2000, field=field))
        left = [*message.in_reply_to, *message.references, *(each.spec for each in message.recipients)]
        *whole, last = (each.strip("<>") for each in left or [""])
        assert whole == written[: len(whole)]
        assert written[len(whole)].startswith(last)


# generated

_PIECES: Final = (
    *(
        f"From: {EVIL}",
        f"FROM : {EVIL}",
        f"\0From: {EVIL}",
        f" From: {EVIL}",
        f"X: \rFrom: {EVIL}",
        f"X-\0\nFrom:{EVIL}",
    ),
    *(
        "no field",
        "Subject: x",
        " folded",
        "\tfolded",
        "X: y",
        "X: \v z",
        "To: t@x.example",
        ": no name",
        "From",
        "X\0: y",
    ),
    *("X-Long: " + "x" * 290, "X-Long: " + "x" * 400, "y" * 300, "Subject: " + "s\n s" * 120, "X: \r", "X: y\r\r"),
)


def others(raw: bytes) -> set[str]:
    """Whose address other software finds in From fields."""
    python = {str(value) for value in email.message_from_bytes(raw).get_all("from", ())}
    lines: list[bytes] = []
    for line in _LINE_END.split(raw):
        if not line:
            break
        lines.append(line.translate(None, bytes({*range(0x20), *range(0x7F, 0x100)} - {9})))
    loose = {line.partition(b":")[2].decode() for line in lines if re.match(rb"from[ \t]*:", line, re.IGNORECASE)}
    return {match[0] for value in python | loose for match in re.finditer(r"\w+@[\w.]+", value)}


def test_who_is_the_author_is_so_for_everybody(tmp_path: Path) -> None:
    """Of two thousand headers put together at random, none is Alice's here and somebody else's elsewhere."""
    chance = random.Random(3)  # noqa: S311 - the same headers each time
    hers = 0
    for _ in range(2000):
        lines = chance.choices(_PIECES, k=chance.randint(0, 12))
        raw = head(*lines, end=chance.choice(ENDS[:2]))
        message = read(tmp_path, raw, SMALL)
        if message.author is not None and message.author.spec == ALICE:
            assert EVIL not in others(raw), raw
            hers += 1
    assert hers > 200
