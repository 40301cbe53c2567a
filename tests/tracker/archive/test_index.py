"""A sealed batch says which bytes were fetched by which claim; anything else says nothing."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.tracker.archive.index import Entry, index, read

if TYPE_CHECKING:
    from pathlib import Path

NAME = "0123456789abcdef0123456789abcdef-1.mails"


def batch(folder: Path, *mails: bytes) -> list[Entry]:
    """Write a sealed batch. Returns what its index should say."""
    entries = []
    content = b""
    for number, mail in enumerate(mails, 1):
        entries.append(Entry(number, 7 * number, len(content), len(mail), hashlib.sha256(mail).hexdigest()))
        content += mail
    (folder / NAME).write_bytes(content + index(NAME, entries))
    return entries


def mails(chance: random.Random) -> list[bytes]:
    """Mails of any bytes, some of them empty, some without a line end, some with half an index."""
    pieces = (b"", b"\n", b"\0", b"Subject: a\n\nb\n", b"\nmailintake-index ", NAME.encode(), b" []\n", b"\xff" * 9000)
    return [b"".join(chance.choices(pieces, k=chance.randrange(6))) for _ in range(chance.randrange(1, 120))]


@pytest.mark.parametrize("seed", range(20))
def test_the_index_says_what_was_written(tmp_path: Path, seed: int) -> None:
    """Whatever the mails contain."""
    entries = batch(tmp_path, *mails(random.Random(seed)))  # noqa: S311 - test data, not secrets
    assert read(str(tmp_path / NAME)) == entries


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_that_was_cut_short_says_nothing(tmp_path: Path, seed: int) -> None:
    """Wherever it was cut: it was not sealed, so its bytes may not be durable."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    batch(tmp_path, *mails(chance))
    whole = (tmp_path / NAME).read_bytes()
    for end in {*chance.choices(range(len(whole)), k=50), *range(max(0, len(whole) - 120), len(whole))}:
        (tmp_path / NAME).write_bytes(whole[:end])
        assert read(str(tmp_path / NAME)) == []


@pytest.mark.parametrize("size", [512, 4096])
def test_an_index_with_holes_says_nothing(tmp_path: Path, size: int) -> None:
    """A power cut may leave any of its blocks as zeros, even if the last one is whole."""
    batch(tmp_path, *(b"Subject: %d\n\n" % number for number in range(100)))
    whole = (tmp_path / NAME).read_bytes()
    begin = whole.index(b"mailintake-index")
    for start in range(begin - begin % size, len(whole), size):
        hole = whole[start : start + size]
        (tmp_path / NAME).write_bytes(whole[:start] + bytes(len(hole)) + whole[start + size :])
        assert read(str(tmp_path / NAME)) == []


@pytest.mark.parametrize("said", ["[[1]]", "[5]", "7", "null", '[["a","b","c","d","e","f"]]', "{}"])
def test_an_index_that_says_something_else_says_nothing(tmp_path: Path, said: str) -> None:
    """A damaged disk may leave JSON: each run begins with reading indexes, so none may raise."""
    (tmp_path / NAME).write_text(f"a mail\nmailintake-index {NAME} {said}\n")
    assert read(str(tmp_path / NAME)) == []


def test_a_mail_cannot_imitate_an_index(tmp_path: Path) -> None:
    """Its sender does not know the name of the batch that it will be in."""
    forged = index("OWNER-1.mails", [Entry(1, 1, 0, 0, hashlib.sha256(b"").hexdigest())])
    (tmp_path / NAME).write_bytes(b"Subject: a\n\n" + forged)
    assert read(str(tmp_path / NAME)) == []


def test_a_damaged_mail_is_left_out(tmp_path: Path) -> None:
    """The others are as they were fetched."""
    first, second = batch(tmp_path, b"Subject: one\n\n1\n", b"Subject: two\n\n2\n")
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes().replace(b"two", b"tvo"))
    assert read(str(path)) == [first]
    assert second not in read(str(path))


def test_a_batch_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    """It was purged."""
    assert read(str(tmp_path / NAME)) == []
