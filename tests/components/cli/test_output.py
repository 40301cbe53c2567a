"""What commands print, for people, programs and terminals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trac_mailintake.components.cli.output import complain, cut, progress, say, say_json, say_table, when

if TYPE_CHECKING:
    from _pytest.capture import CaptureFixture

TEXTS = st.text(st.characters(codec="utf-8"))
QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@QUIET
@given(text=TEXTS)
def test_json_is_read_again_as_it_was_and_moves_no_terminal(capsys: CaptureFixture[str], text: str) -> None:
    """Whatever a stranger wrote: what is not printable is an escape of JSON's."""
    say_json({"subject": text})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"subject": text}
    assert printed.replace("\n", "").isprintable()


@QUIET
@given(text=TEXTS)
def test_a_sentence_has_no_control_characters(capsys: CaptureFixture[str], text: str) -> None:
    """On standard output and on standard error."""
    say(text)
    complain(text)
    said = capsys.readouterr()
    assert said.out == said.err
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in said.out.replace("\n", ""))


def test_a_table_or_the_sentence_that_there_is_none(capsys: CaptureFixture[str]) -> None:
    """A stranger's escape is written out in it."""
    say_table([(1, "\x1b[31mred"), (2, "plain")], ("Id", "Text"), "Nothing.")
    assert "\\x1b[31mred" in capsys.readouterr().out
    say_table([], ("Id", "Text"), "Nothing.")
    assert capsys.readouterr().out == "Nothing.\n"


@pytest.mark.parametrize("value", [0, None, "", "x"])
def test_a_time_that_never_was_is_never(value: object) -> None:
    """Of any other the day and the hour are said."""
    assert when(value) == "never"
    assert when(1_764_525_600_000_000).startswith("2025-")


@given(TEXTS, st.integers(1, 50))
def test_a_text_is_cut_to_one_line_of_a_length(text: str, length: int) -> None:
    """With a mark where something is missing."""
    found = cut(text, length)
    assert len(found) <= length
    assert len(found.splitlines()) <= 1
    assert found == " ".join(text.split()) or found.endswith("…")


def test_there_is_no_progress_where_nobody_looks() -> None:
    """`test_run.py` looks at it on a terminal."""
    with progress("support") as advance:
        assert advance is None
