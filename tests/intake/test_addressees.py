"""Whether a mail is for somebody else: by its header alone, and by all of it, always the same."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest

from tests.fakes import FakeReader
from trac_mailintake.intake.addressees import for_others
from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.mime.header_block import ending
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.recipients import recipients
from trac_mailintake.mail.spool import InMemory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.recipients import Addressed

OURS: Final = ("support@example.org",)
NAMES: Final = ("To", "CC", "bcc", "Delivered-To", "X-Original-To", "Envelope-To", "Resent-Cc", "Subject")
ADDRESSES: Final = (
    "support@example.org",
    "Support <SUPPORT@Example.org>",
    "sales@example.org",
    "support+a@example.org",
)
ODD: Final = (
    *(b"", b" ", b"\t", b"junk of a gateway", b"From x@example.org Thu Jan  1 00:00:00 2026", b"\xff\xfe: \x80", b"To"),
    *(b"\r", b"\x00", b"To support@example.org", b"--b", b">From me", b"Content-Type: multipart/mixed; boundary=b"),
)
"""Lines where none of them is expected."""
ENDS: Final = (b"\n", b"\r\n", b"\r", b"\r\r\n")


def judged(mail: Addressed) -> tuple[Sequence[str], bool]:
    """The recipients, and whether the mail is for others."""
    named = [each.spec for each in (*mail.to, *mail.cc, *mail.bcc, *mail.delivered_to)]
    return named, for_others(mail, OURS, FakeReader()) is not None


def agree(header: bytes, content: bytes) -> bool:
    """Whether a mail is judged in the same way by its header's recipients, by its header, and by all of it."""
    by_all = judged(parse(InMemory.of(content)))
    return judged(recipients(header)) == judged(parse(InMemory.of(header))) == by_all


def mail(chance: random.Random) -> bytes:
    """Some mail: mostly a header, a blank line and a body, and each of them may be odd or missing."""
    end = chance.choice(ENDS[:2] if chance.random() < 0.7 else ENDS)
    fold = end + b" "

    def field() -> bytes:
        words = [chance.choice(ADDRESSES).encode() for _ in range(chance.randrange(4))]
        folded = (fold if chance.random() < 0.3 else b" ").join(word + b"," for word in words)
        return f"{chance.choice(NAMES)}{chance.choice(('', '', ' '))}:".encode() + chance.choice((b" ", fold)) + folded

    def lines(most: int, odd: float) -> list[bytes]:
        return [chance.choice(ODD) if chance.random() < odd else field() for _ in range(chance.randrange(most))]

    before = [chance.choice(ODD) for _ in range(chance.randrange(3))] if chance.random() < 0.3 else []
    written = [*before, *lines(7, 0.1 if chance.random() < 0.5 else 0), *([b""] if chance.random() < 0.9 else [])]
    written += lines(5, 0.5)
    mixed = [line + (end if chance.random() < 0.97 else chance.choice(ENDS)) for line in written]
    return b"".join(mixed)[: None if chance.random() < 0.8 else -1]


def test_a_header_and_the_whole_mail_never_disagree() -> None:
    """However the mail is cut: what stands before the end of its header is read in the same way whatever follows."""
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)  # noqa: S311 - which can be repeated
    shown = others = 0
    for number in range(500):
        content = mail(chance)
        cuts = {len(content), *(chance.randrange(len(content) + 1) for _ in range(6))}
        ends = {end for cut in cuts if (end := ending(content[:cut])) is not None}
        for end in ends:
            assert agree(content[:end], content), (seed, number, content, end)
        shown += bool(ends)
        others += bool(ends) and judged(parse(InMemory.of(content)))[1]
    assert shown > 200, seed
    assert 10 < others < shown - 50, seed


@pytest.mark.parametrize("size", [LIMITS.field - 20, LIMITS.field + 1, LIMITS.head - 2000, LIMITS.head + 1])
@pytest.mark.parametrize("name", ["To", "X-Spam-Report", "Delivered-To"])
def test_at_the_limits_they_do_not_disagree_either(name: str, size: int) -> None:
    """One field, or many, of about a limit's size."""
    line = f"{name}: {'x' * 900}@example.org\n".encode()
    one = f"{name}: {'y' * size}\n".encode()
    for head in (one, line * (size // len(line)), one[:900] + b"\n" + line * (size // len(line))):
        content = b"From: a@example.org\n" + head + b"To: sales@example.org\n\nText\n"
        end = ending(content)
        assert end is not None
        assert agree(content[:end], content)


def _with(*fields: str) -> Message:
    return parse(InMemory.of(("\n".join(("From: a@example.org", *fields)) + "\n\nText\n").encode()))


@pytest.mark.parametrize(
    ("fields", "others"),
    [
        (["To: sales@example.org"], True),
        ([f"X-Spam-Report: {'x' * 20_000}", "To: sales@example.org"], True),
        ([f"To: {'x, ' * 20_000}"], False),
        ([f"X-Original-To: {'x' * 20_000}", f"X-Spam-Report: {'x' * 20_000}", "To: sales@example.org"], False),
        (["To: " + ",".join(["s@a.example"] * 1000)], False),
        (["To: " + ",".join(["s@a.example"] * 999)], True),
        ([f"X-{number}: {'x' * 9000}" for number in range(20)], False),
    ],
    ids=["short", "another long field", "long To", "long field of delivery", "too many", "just enough", "long header"],
)
def test_what_was_not_read_may_be_ours(fields: Sequence[str], *, others: bool) -> None:
    """A mail is for others only if all that says so was read."""
    assert (for_others(_with(*fields), OURS, FakeReader()) is not None) == others


def test_a_mail_that_could_not_be_parsed_may_be_ours() -> None:
    """It has no recipients then, which says nothing."""
    message = parse(InMemory.of(b"To: sales@example.org\n\n"), None)  # type: ignore[arg-type]  # so that the parser fails
    assert [defect.slug for defect in message.defects] == ["unparsable"]
    assert for_others(message, OURS, FakeReader()) is None
