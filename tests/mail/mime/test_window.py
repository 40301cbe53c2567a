"""The window through which a message is read: constant in size, and the same for every size of message."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mail.spooled import spooled
from trac_mailintake.mail.mime.window import Tape
from trac_mailintake.mail.spool import CHUNK, Slice

if TYPE_CHECKING:
    from pathlib import Path

SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7)
ANY_FOLDER = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("size", SIZES)
def test_the_hashes_are_those_of_all_bytes(tmp_path: Path, size: int) -> None:
    """However many blocks there are, and however they were read."""
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    tape = Tape(spooled(tmp_path, content))
    tape.ensure(0, 10)
    tape.find(b"nowhere", 0)
    tape.drain()
    assert tape.sha256() == hashlib.sha256(content).hexdigest()
    assert tape.end == size


@pytest.mark.parametrize("size", SIZES)
def test_only_a_message_of_one_block_stays_in_memory(tmp_path: Path, size: int) -> None:
    """So memory does not grow with a message that is skipped over."""
    tape = Tape(spooled(tmp_path, b"x" * size))
    assert tape.memory() is None
    tape.drain()
    assert tape.memory() == (b"x" * size if size <= CHUNK else None)
    assert len(tape.window) <= CHUNK


@ANY_FOLDER
@given(st.integers(0, 40), st.integers(1, 40))
def test_a_word_is_found_across_the_border_of_two_blocks(tmp_path: Path, before: int, length: int) -> None:
    """By `find` and by `search`; what begins there and is another word is none."""
    needle = (b"\n--boundary" * 4)[:length]
    start = CHUNK - before
    content = b"x" * start + needle + b"y" * CHUNK
    raw = spooled(tmp_path, content)
    assert Tape(raw).find(needle, 0) == content.index(needle)
    tape = Tape(raw)
    match = tape.search(re.compile(re.escape(needle)), 0, length)
    assert match
    assert tape.base + match.start() == start
    assert Tape(raw).find(needle + b"z", 0) == -1
    assert Tape(raw).search(re.compile(re.escape(needle + b"z")), 0, length + 1) is None


def test_a_match_at_the_end_is_one(tmp_path: Path) -> None:
    """There is nothing behind it that could make it longer."""
    tape = Tape(spooled(tmp_path, b"abc--"))
    match = tape.search(re.compile(b"--+"), 0, 5)
    assert match
    assert match.span() == (3, 5)


def test_what_was_asked_for_is_in_the_window(tmp_path: Path) -> None:
    """Or as much as there is; the window moves forward only, and keeps the byte before."""
    content = bytes(range(256)) * (2 * CHUNK // 256)
    tape = Tape(spooled(tmp_path, content))
    tape.ensure(CHUNK - 5, 10)
    assert tape.window[CHUNK - 5 - tape.base :][:10] == content[CHUNK - 5 : CHUNK + 5]
    tape.ensure(2 * CHUNK - 5, 100)
    assert tape.window[2 * CHUNK - 5 - tape.base :] == content[-5:]
    assert tape.base <= 2 * CHUNK - 6


def test_the_digest_counts_the_body_alone(tmp_path: Path) -> None:
    """And the texts that it is given; what stands before the body may differ, also in its length."""

    def digest(head: bytes, body: bytes, *first: str) -> str:
        tape = Tape(spooled(tmp_path, head + body))
        tape.ensure(0, len(head))
        tape.mark_body(len(head))
        tape.drain()
        return tape.digest(*first)

    body = b"body" * CHUNK
    assert digest(b"a", body, "x", "y") == digest(b"another", body, "x", "y")
    assert digest(b"a", body, "x", "y") != digest(b"a", body[:-1], "x", "y")
    assert digest(b"a", body, "x", "y") != digest(b"a", body, "x y")


def test_a_spool_that_is_too_short_is_an_error(tmp_path: Path) -> None:
    """It is the machine's fault, and no end of a message."""
    raw = spooled(tmp_path, b"abc")
    with pytest.raises(OSError, match="ends"):
        Tape(Slice(raw.path, 0, 10)).drain()
