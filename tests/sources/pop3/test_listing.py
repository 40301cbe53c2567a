"""The lines of LIST and UIDL, right and wrong."""

from __future__ import annotations

import random

import pytest

from trac_mailintake.sources.net.quota import LARGEST
from trac_mailintake.sources.pop3.listing import Line, lines


def test_each_message_has_its_uidl_and_its_size() -> None:
    """In the order of their numbers."""
    assert lines([b"1 100", b"2 200"], [b"2 b", b"1 a"]) == {
        1: Line("a", 100, alone=True),
        2: Line("b", 200, alone=True),
    }


@pytest.mark.parametrize(
    ("sizes", "names", "second"),
    [
        ([b"2"], [b"2 b"], Line("b", None, alone=True)),
        ([b"2 many"], [b"2 b"], Line("b", None, alone=True)),
        ([], [b"2 b"], Line("b", None, alone=True)),
        ([b"2 -5"], [b"2 b"], Line("b", 0, alone=True)),
        ([b"2 " + b"9" * 40], [b"2 b"], Line("b", LARGEST, alone=True)),
        ([b"2 7 and more"], [b"2 b c"], Line("b", 7, alone=True)),
        ([b"2 7"], [b"2"], Line("", 7, alone=False)),
        ([b"2 7"], [b"two b"], Line("", 7, alone=False)),
        ([b"2 7"], [], Line("", 7, alone=False)),
        ([b"2 7"], [b"2 a"], Line("a", 7, alone=False)),
    ],
)
def test_a_wrong_line_concerns_its_message(sizes: list[bytes], names: list[bytes], second: Line) -> None:
    """What is missing is unknown, and all others are as they are; a UIDL that two have identifies neither."""
    shared = second.name == "a"
    found = lines([b"1 100", *sizes, b"3 300"], [b"1 a", *names, b"3 c"])
    assert found == {1: Line("a", 100, alone=not shared), 2: second, 3: Line("c", 300, alone=True)}


@pytest.mark.parametrize("line", [b"", b"one 100", b"9" * 5000 + b" 1"])
def test_a_listing_of_nothing_is_none(line: bytes) -> None:
    """Not one line makes sense: this is no POP3."""
    with pytest.raises(ValueError, match="LIST"):
        lines([line], [b"1 a"])


def test_a_uidl_that_cannot_be_shown_becomes_a_hash() -> None:
    """RFC 1939, 7: 70 characters from 0x21 to 0x7E."""
    found = lines([b"1 1", b"2 2"], [b"1 \xff\x00x", b"2 " + b"u" * 5000])
    assert [len(each.name) for each in found.values()] == [64, 64]
    assert lines([], [b"1 \xff\xe4"])[1].name == "\\xff\\xe4"


@pytest.mark.parametrize("seed", range(200))
def test_no_line_makes_others_unreadable(seed: int) -> None:
    """Whatever stands in it."""
    random_ = random.Random(seed)  # noqa: S311 - a test
    junk = [random_.randbytes(random_.randrange(40)).replace(b"\n", b" ") for _ in range(5)]
    found = lines([*junk, b"7 70"], [b"7 seven", *junk])
    assert found[7].size == 70 or any(line.split()[:1] == [b"7"] for line in junk)
    assert found[7].name
