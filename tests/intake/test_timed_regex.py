"""Regular expressions that an administrator wrote."""

from __future__ import annotations

import time

import pytest

from trac_mailintake.intake.timed_regex import SECONDS, read

TEXT = "Yes.\n-----Original Message-----\nFrom: Bob\n"


@pytest.mark.parametrize(
    ("typed", "begin"),
    [
        ("Original", 10),
        ("/Original/", 10),
        ("/original/", None),
        ("/original/i", 10),
        ("/^-+original/mi", 5),
        ("/^-+original/i", None),
        ("/Yes..-+/s", 0),
        ("/Yes..-+/", None),
        ("/ Original \\s Message /x", 10),
        ("m/Original/", 10),
        ("m{Original}i", 10),
        ("m!original!i", 10),
        ("/Bob/g", 38),
        ("  /Bob/  ", 38),
        (r"/From\:|\/\//", 32),
        ("(?i)bob", 38),
    ],
)
def test_expressions_are_read_as_perl_reads_them(typed: str, begin: int | None) -> None:
    """With slashes and flags, or bare."""
    assert read(typed).begin(TEXT) == begin


@pytest.mark.parametrize(("typed", "said"), [("/(/", "missing"), ("(", "missing"), ("/a/k", "the flag k is none of")])
def test_a_mistake_is_said(typed: str, said: str) -> None:
    """In a word that helps."""
    with pytest.raises(ValueError, match=said):
        read(typed)


@pytest.mark.slow
def test_no_text_keeps_a_search_busy_for_ever() -> None:
    """Python's own `re` would take longer than the world has stood."""
    begun = time.process_time()
    with pytest.raises(TimeoutError):
        read(r"/^(\w|\w\w|\s)*x?$/").begin("word " * 40 + "!")
    assert time.process_time() - begun < 5 * SECONDS
