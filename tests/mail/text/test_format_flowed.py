"""format=flowed (RFC 3676): what the sender's software broke is joined again."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.text.format_flowed import unwrapped

WORDS = st.text(string.ascii_letters, min_size=1, max_size=12)
PARAGRAPHS = st.lists(st.tuples(st.integers(0, 3), st.lists(WORDS, min_size=1, max_size=12)), min_size=1, max_size=5)


def flowed(depth: int, words: list[str], *, delsp: bool) -> str:
    """A paragraph as RFC 3676, 4.2 makes it: a line for each two words, soft but for the last one."""
    mark = ">" * depth + (" " if depth else "")
    lines = [" ".join(words[start : start + 2]) for start in range(0, len(words), 2)]
    soft = "  \n" if delsp else " \n"
    return soft.join(f"{mark}{line}" for line in lines)


@pytest.mark.parametrize("delsp", [True, False])
@given(PARAGRAPHS)
def test_paragraphs_are_as_they_were_written(delsp: bool, paragraphs: list[tuple[int, list[str]]]) -> None:  # noqa: FBT001 - a parameter
    """In any depth of quotes, with one blank between two words whatever DelSp says."""
    text = "\n".join(flowed(depth, words, delsp=delsp) for depth, words in paragraphs)
    wanted = (f"{'>' * depth} {' '.join(words)}" if depth else " ".join(words) for depth, words in paragraphs)
    assert unwrapped(text, delsp=delsp) == "\n".join(wanted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a \nb", "a b"),
        ("a \n> b", "a \n> b"),
        ("> a \n>> b", "> a \n>> b"),
        ("a \n-- \nAnn", "a \n-- \nAnn"),
        ("> -- \n> Ann", "> -- \n> Ann"),
        (" >stuffed", ">stuffed"),
        (" From here", "From here"),
        ("a \n", "a "),
        ("a ", "a "),
        ("", ""),
    ],
)
def test_what_ends_a_paragraph(text: str, expected: str) -> None:
    """Another depth, a signature (4.3), the end; a stuffed blank (4.4) goes."""
    assert unwrapped(text, delsp=False) == expected


def test_the_blank_before_a_soft_break_may_be_none_of_the_text() -> None:
    """DelSp=yes, for languages that part no words (RFC 3676, 4.2)."""
    assert unwrapped("日本 \n語", delsp=True) == "日本語"
    assert unwrapped("日本 \n語", delsp=False) == "日本 語"
