"""A batch can be read without the database; what is damaged, or was not sealed, does not hide its neighbours."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.builders import delivery
from trac_mailintake.intake.model import Account, Listed
from trac_mailintake.tracker.archive.records import Archived, Gap, Record, damage, late, read, walk
from trac_mailintake.tracker.db.transaction import key

if TYPE_CHECKING:
    from pathlib import Path

NAME = "0123456789abcdef0123456789abcdef-1.mails"
LARGE = 600_000
"""More bytes than are searched at a time."""


def record(number: int = 1, mail: bytes | None = None, *, locator: str = "1/7") -> Record:
    """The record of a delivery, of this mail if it is sealed."""
    listed = Listed(locator, f"{locator} 99", 99 if number % 2 else None, datetime(2026, 11, 2, tzinfo=UTC))
    made = Record.of(delivery(id=number, fence=7 * number, account=Account("imap", "imap://ü@host"), listed=listed))
    return made if mail is None else made.ended(len(mail), hashlib.sha256(mail).hexdigest())


def octets(*mails: bytes, name: str = NAME) -> tuple[bytes, list[tuple[int, int, Record]]]:
    """A sealed batch; and of each record its place, that of its mail, and what it should say."""
    content = b""
    expected = []
    for number, mail in enumerate(mails, 1):
        made = record(number, mail, locator=f"1/{number}")
        head = made.written(name)
        expected.append((len(content), len(content) + len(head), made))
        content += head + mail
    return content, expected


def mails(chance: random.Random) -> list[bytes]:
    """Mails of any bytes: none, without a line end, with records of other batches, with half of our own, large ones."""
    own = record().written(NAME)
    other = record(2, b"forged").written("f" * 32 + "-1.mails") + b"forged"
    pieces = (b"", b"\n", b"\0" * 64, b"Subject: a\n\nb\n", own[:16], own[:20], other, other[:40], b"\xff" * 9000)
    found = [b"".join(chance.choices(pieces, k=chance.randrange(6))) for _ in range(chance.randrange(1, 60))]
    return [*found, b"x" * LARGE] if chance.random() < 0.3 else found


def said(path: Path) -> list[tuple[int, Record]]:
    """The place of each mail, and its record."""
    return [(each.offset, each.record) for each in walk(str(path)) if isinstance(each, Archived)]


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Where a batch is."""
    return tmp_path / NAME


@pytest.mark.parametrize("seed", range(20))
def test_the_records_say_what_was_written(batch: Path, seed: int) -> None:
    """Whatever the mails contain: none can imitate a record."""
    content, expected = octets(*mails(random.Random(seed)))  # noqa: S311 - test data, not secrets
    batch.write_bytes(content)
    assert said(batch) == [(offset, made) for _, offset, made in expected]
    assert [each for each in walk(str(batch)) if isinstance(each, Gap)] == []
    assert [each.record for each in read(str(batch))] == [made for _, _, made in expected]


@pytest.mark.parametrize("seed", range(8))
def test_a_batch_may_be_cut_anywhere(batch: Path, seed: int) -> None:
    """What is whole before the cut is still known; of the mail that was cut nobody says that it is whole."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    content, expected = octets(*mails(chance))
    for end in {*chance.choices(range(len(content)), k=40), *(offset for _, offset, _ in expected[:20])}:
        batch.write_bytes(content[:end])
        whole = [made for _, offset, made in expected if offset + (made.length or 0) <= end]
        assert [each.record for each in read(str(batch))] == whole
        headed = [(offset, made) for _, offset, made in expected if offset <= end]
        assert said(batch) == headed


@pytest.mark.parametrize("size", [1, 512, 4096])
@pytest.mark.parametrize("seed", range(6))
def test_holes_hide_only_what_they_hit(batch: Path, size: int, seed: int) -> None:
    """A power cut leaves blocks of zeros, a bad disk other bits: all mails beside them are known, and are whole."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    content, expected = octets(*mails(chance))
    for _ in range(30):
        start = chance.randrange(len(content))
        start -= start % size
        hole = content[start : start + size]
        harmed = bytes(len(hole)) if chance.random() < 0.5 else bytes(255 - each for each in hole)
        batch.write_bytes(content[:start] + harmed + content[start + size :])
        end = start + len(hole)
        same = harmed == hole
        heads = [made for at, offset, made in expected if same or offset <= start or at >= end]
        found = said(batch)
        assert [made for _, made in found] == heads
        whole = [
            made
            for at, offset, made in expected
            if same or at >= end or offset + (made.length or 0) <= start or (offset <= start and not made.length)
        ]
        assert [each.record for each in read(str(batch))] == [each for each in whole if each in heads]


def test_what_was_not_sealed_is_told_apart(batch: Path) -> None:
    """Its worker died before: its bytes may not have come whole, or may not be durable."""
    mail = b"Subject: one\n\n1\n"
    opened = record(1).written(NAME) + mail
    sealed = record(2, mail).written(NAME) + mail
    batch.write_bytes(opened + sealed + opened)
    found = [each for each in walk(str(batch)) if isinstance(each, Archived)]
    assert [each.record.length for each in found] == [None, len(mail), None]
    assert [each.damage() for each in found] == ["not sealed", "", "not sealed"]
    assert [each.record.delivery for each in read(str(batch))] == [2]


def test_what_is_written_back_changes_nothing_else(batch: Path) -> None:
    """The record keeps its size, so that the mail behind it stays where it is."""
    mail = b"Subject: one\n\n1\n"
    made = record(1)
    before, after = made.written(NAME), made.ended(len(mail), hashlib.sha256(mail).hexdigest())
    end = late(before, len(mail), hashlib.sha256(mail).hexdigest())
    batch.write_bytes(before + mail)
    with batch.open("r+b") as file:
        file.seek(before.index(b"\xff" * 8))
        file.write(end)
    assert batch.read_bytes() == after.written(NAME) + mail
    for cut in range(1, len(end)):
        torn = after.written(NAME).replace(end, end[:cut] + before[before.index(b"\xff" * 8) :][cut : len(end)])
        batch.write_bytes(torn + mail)
        assert read(str(batch)) == [], f"torn after {cut} octets"


def test_a_record_has_all_that_is_known_of_a_delivery(batch: Path) -> None:
    """Each word whole, however long: none is cut."""
    path = "/".join(["ümläut" * 30] * 20)
    long = delivery(
        id=2**40,
        fence=3,
        service="support",
        account=Account("maildir", path),
        listed=Listed("l" * 5000, "f" * 5000, None, None),
    )
    made = Record.of(long)
    batch.write_bytes(made.ended(1, hashlib.sha256(b"x").hexdigest()).written(NAME) + b"x")
    [found] = read(str(batch))
    assert replace(found.record, length=None, sha256="") == made
    assert (found.record.account, found.record.label) == (key("maildir", path), path)
    assert (found.record.locator, found.record.size, found.record.arrived) == ("l" * 5000, None, 0)
    assert found.raw.read() == b"x"


def test_batches_without_records_are_one_gap(batch: Path) -> None:
    """As version 0.1 wrote them; also with the records of another batch, as after a file was given another name."""
    for content in (b"Subject: a\n\nb\nSubject: c\n\nd", octets(b"a mail", name="f" * 32 + "-1.mails")[0]):
        batch.write_bytes(content)
        assert list(walk(str(batch))) == [Gap(str(batch), 0, len(content))]
    batch.write_bytes(b"")
    assert list(walk(str(batch))) == []


def test_what_another_version_wrote_is_no_record(batch: Path) -> None:
    """Its fields may mean something else."""
    content, _ = octets(b"a mail")
    batch.write_bytes(content[:32] + b"\0\2" + content[34:])
    assert said(batch) == []


def test_a_batch_that_is_not_there_says_nothing(batch: Path) -> None:
    """It was purged. Only a recovery expects that."""
    assert read(str(batch)) == []
    with pytest.raises(FileNotFoundError):
        list(walk(str(batch)))


def test_damage_has_a_name(batch: Path) -> None:
    """Other bytes, too few, or none."""
    content, [(_, offset, made)] = octets(b"Subject: one\n\n1\n")
    batch.write_bytes(content)
    [found] = read(str(batch))
    assert found.damage() == ""
    batch.write_bytes(content.replace(b"one", b"two"))
    assert found.damage() == "other bytes than were fetched"
    batch.write_bytes(content[:-3])
    assert "ends 3 bytes before it should" in found.damage()
    batch.unlink()
    assert damage(found.raw, made.sha256) == "No such file or directory"
    assert found.raw.offset == offset
