"""The delimiter of a multipart (RFC 2046, 5.1.1), also where its Content-Type says another one, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mail.spooled import spooled
from trac_mailintake.mail.mime.boundaries import delimiter
from trac_mailintake.mail.mime.window import Tape

if TYPE_CHECKING:
    from pathlib import Path

PART = b"\nContent-Type: text/plain\n\ntext\n"
BCHARS = "0123456789abcXYZ'()+_,-./:=?"
"""RFC 2046, 5.1.1; a blank is allowed within."""


def found(folder: Path, body: bytes, boundary: str, outer: tuple[bytes, ...] = ()) -> tuple[bytes, bool]:
    """What the multipart with this body is delimited by."""
    return delimiter(Tape(spooled(folder, body)), 0, boundary, outer)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(BCHARS, min_size=1, max_size=70))
def test_a_declared_delimiter_that_occurs_is_taken(tmp_path: Path, boundary: str) -> None:
    """Whatever other line looks like one."""
    body = b"--other" + PART + b"--" + boundary.encode() + PART
    assert found(tmp_path, body, boundary) == (b"--" + boundary.encode(), True)


@pytest.mark.parametrize("boundary", ["", "another"])
@pytest.mark.parametrize("end", [b"\n", b" \t\r\n"])
def test_one_that_does_not_occur_is_guessed(tmp_path: Path, boundary: str, end: bytes) -> None:
    """From a line before the first field of a part; blanks at its end are transport padding."""
    assert found(tmp_path, b"preamble\n--real" + end + PART[1:], boundary) == (b"--real", False)


@pytest.mark.parametrize(
    "body",
    [
        b"text\n",
        b"--not a field\nof a part\n",
        b"-- \nContent-Type: text/plain\n",
        b"--" + b"x" * 300 + PART,
        b"x" * 70_000 + b"\n--real" + PART,
    ],
)
def test_nothing_is_guessed_from_other_lines(tmp_path: Path, body: bytes) -> None:
    """A signature, a line of dashes, what no boundary can be, what comes too late."""
    assert found(tmp_path, body, "") == (b"", True)
    assert found(tmp_path, body, "said") == (b"--said", True)


def test_the_delimiter_of_a_multipart_around_it_is_not_its_own(tmp_path: Path) -> None:
    """Else it would take the parts of the outer one for its own."""
    assert found(tmp_path, b"--outer" + PART, "inner", (b"--outer",)) == (b"--inner", True)
