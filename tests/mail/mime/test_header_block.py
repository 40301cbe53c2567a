"""Header blocks split into fields (RFC 5322, 2.2), with whatever line ends and junk they come."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mail.spooled import spooled
from trac_mailintake.mail.limits import LIMITS, Limits
from trac_mailintake.mail.mime import header_block
from trac_mailintake.mail.mime.window import Tape

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.mail.mime.header_block import Block
    from trac_mailintake.mail.wording import Reason

NAMES = st.text("".join(sorted(set(string.printable[:94]) - {":"})), min_size=1, max_size=12).filter(
    lambda name: not name.startswith(("From", ">From"))
)
VALUES = st.lists(
    st.text(string.ascii_letters + " :;", min_size=1, max_size=20).map(lambda line: f"x{line}"), min_size=1
)
ANY_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def block(folder: Path, raw: bytes, limits: Limits = LIMITS) -> tuple[Block, Reason | None]:
    """The header block at the beginning of a message, and why its author is uncertain."""
    tape = Tape(spooled(folder, raw))
    ends = header_block.line_ends(tape, limits)
    start = header_block.preamble(tape, ends)
    found = header_block.read(tape, start, limits, ends)
    return found, header_block.doubt(tape, start, found, ends)


def slugs(found: Block) -> list[str]:
    """Its defects."""
    return [each.slug for each in found.defects]


@ANY_FOLDER
@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_is_written_by_the_rules_is_split(tmp_path: Path, fields: list[tuple[str, list[str]]], end: str) -> None:
    """Whatever the names, the folds and the line ends; the body begins behind the blank line."""
    head = "".join(f"{name}: {f'{end} '.join(lines)}{end}" for name, lines in fields)
    found, doubt = block(tmp_path, f"{head}{end}body".encode())
    assert [(name, value.decode().replace(end, "").split()) for name, value in found.fields] == [
        (name, " ".join(lines).split()) for name, lines in fields
    ]
    assert (found.body, slugs(found), doubt) == (len(head) + len(end), [], None)


@pytest.mark.parametrize(
    "before", [b"\n\n", b" \n", b"From a@b.example Mon Mar  2 10:15:00 2026\n", b">From a\n\n", b"\xef\xbb\xbf"]
)
def test_what_stands_before_the_first_field_is_skipped(tmp_path: Path, before: bytes) -> None:
    """Blank lines, the line of an mbox, a byte order mark: if a field follows."""
    found, _ = block(tmp_path, before + b"From: a@b.example\n\nbody")
    assert (found.fields, found.body) == ((("From", b" a@b.example"),), len(before) + 19)


def test_a_body_without_a_header_is_a_body(tmp_path: Path) -> None:
    """Nothing of it is lost."""
    found, _ = block(tmp_path, b"Just words, and no field.\nMore words.\n")
    assert (found.fields, found.body, slugs(found)) == ((), 0, ["no-blank-line"])


def test_junk_between_fields_hides_none(tmp_path: Path) -> None:
    """Such as a fold without its blank; but before the first field, or before an ordinary line, it is the body."""
    found, _ = block(tmp_path, b"From: a@b.example\njunk of a gateway\nSubject: x\n\nbody")
    assert ([name for name, _ in found.fields], slugs(found)) == (["From", "Subject"], ["junk-in-head"])
    found, _ = block(tmp_path, b"From: a@b.example\nDear all,\nlisten: this is it.\n\nbody")
    assert ([name for name, _ in found.fields], slugs(found)) == (["From"], ["no-blank-line"])


@pytest.mark.parametrize(("name", "doubted"), [("From", True), ("sender", True), ("X-From", False)])
def test_a_field_that_is_cut_may_have_named_somebody_else(tmp_path: Path, name: str, doubted: bool) -> None:  # noqa: FBT001 - a row of the table
    """If it is one that names authors, nobody counts as the author."""
    limits = Limits(field=100)
    found, doubt = block(tmp_path, f"{name}: {'a' * 200}\nSubject: x\n\nbody".encode(), limits)
    assert ([len(value) for _, value in found.fields], slugs(found)) == ([100, 2], ["long-field"])
    assert (doubt is not None) is doubted


def test_a_header_that_is_cut_may_have_named_somebody_else(tmp_path: Path) -> None:
    """The body behind it is found all the same."""
    head = b"From: a@b.example\n" + b"X-More: and more\n" * 100
    found, doubt = block(tmp_path, head + b"\nbody", Limits(head=500))
    assert (slugs(found), found.body, doubt is not None) == (["long-head"], len(head) + 1, True)
    found, doubt = block(tmp_path, head, Limits(head=500))
    assert (slugs(found), found.body, doubt is not None) == (["long-head"], len(head), True)


@pytest.mark.parametrize(
    "head",
    [
        b"From: a@b.example\nX: y\rFrom: c@d.example\n\n",
        b"From: a@b.example\nF\x00rom: c@d.example\n\n",
        b"From: a@b.example\nX: y\n\x0bFrom: c@d.example\n\n",
        b"From: a@b.example\n?\nwords\nFrom: c@d.example\n\n",
    ],
)
def test_a_line_that_others_take_for_a_from_raises_a_doubt(tmp_path: Path, head: bytes) -> None:
    """Other line ends, dropped bytes, a header that goes on behind a line of no field."""
    found, doubt = block(tmp_path, head + b"body")
    assert [name for name, _ in found.fields].count("From") == 1
    assert doubt is not None


def test_a_header_without_an_end_is_not_trusted(tmp_path: Path) -> None:
    """No blank line as far as is read: somebody else may be named behind."""
    _, doubt = block(tmp_path, b"From: a@b.example\n?\n" + b"word\n" * 200_000, Limits(head=1000))
    assert doubt is not None
