"""Messages on disk, read in slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mail.spooled import spooled
from trac_mailintake.mail.spool import InMemory, Slice

if TYPE_CHECKING:
    from pathlib import Path

ANY_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY_FOLDER
@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 300), st.integers(1, 50))
def test_a_slice_is_its_part_of_the_file(tmp_path: Path, content: bytes, one: int, other: int, size: int) -> None:
    """In chunks of at most so many bytes, all at once, or only its beginning; and so is a slice of a slice."""
    start, end = sorted((min(one, len(content)), min(other, len(content))))
    for whole in (spooled(tmp_path, content), InMemory.of(content)):
        _is_its_part(whole, content, start, end, size)


def _is_its_part(whole: Slice, content: bytes, start: int, end: int, size: int) -> None:
    raw = whole.part(start, end)
    wanted = content[start:end]
    chunks = list(raw.chunks(size))
    assert b"".join(chunks) == raw.read() == wanted
    assert all(0 < len(chunk) <= size for chunk in chunks)
    assert raw.read(size) == wanted[:size]
    middle = len(wanted) // 2
    assert raw.part(middle, len(wanted)).read() == wanted[middle:]


def test_a_file_that_is_too_short_is_an_error(tmp_path: Path) -> None:
    """And never a shorter message: the disk lost something."""
    raw = spooled(tmp_path, b"abc")
    with pytest.raises(OSError, match="2 bytes before"):
        Slice(raw.path, 0, 5).read()
    assert Slice(raw.path, 0, 5).read(3) == b"abc"
