"""Finished wiki text that is cut: what is left means what it meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.wiki import escape, truncate

PIECES = st.sampled_from(
    [
        "{{{\n",
        "}}}\n",
        "{{{#!html\n",
        "{{{#!default\n",
        "words and words\n",
        "#12 ",
        "WikiWord ",
        "[[",
        "]]",
        "> ",
        "\n",
    ]
)
FINISHED = st.lists(PIECES, max_size=30).map("".join).map(escape.neutral)


@given(FINISHED, st.integers(0, 200))
def test_no_more_is_left_than_allowed(text: str, limit: int) -> None:
    """And a text that is short enough stays."""
    left = truncate.cut(text, limit)
    assert len(left) <= max(limit, 0) or not limit
    assert len(text) > limit or left == text


BLOCKS = st.lists(st.sampled_from(["{{{\n#!default\n", "code\n", "}}}\n", "words\n"]), max_size=20).map("".join)


def depth(text: str) -> int:
    """How many blocks are open at its end."""
    level = 0
    for line in text.splitlines():
        level += line.strip() == "{{{"
        level -= line.strip() == "}}}" and level > 0
    return level


@given(BLOCKS, st.integers(0, 300))
def test_every_block_is_closed(text: str, at: int) -> None:
    """So what is written below is no code; however many blocks are open there."""
    assert depth(truncate.ended(text, at)) == 0


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("see !#12 there", 6, "see !#"),
        ("a http://example.org/x", 20, "a http://example.org"),
        ("{{{\n#!html\n<b>\n}}}", 7, "{{{\n}}}"),
        ("{{{\ncode\n}}}\nbelow", 8, "{{{\ncode\n}}}"),
        ("word", 2, "wo"),
        ("word", 0, ""),
    ],
)
def test_where_it_is_cut(text: str, at: int, expected: str) -> None:
    """The name of a processor is not cut: a shorter one may be another."""
    assert truncate.ended(text, at) == expected


@pytest.mark.parametrize(
    ("line", "at", "expected"),
    [
        ("CamelCaseX9", 8, "!CamelCas"),
        ("CamelCase and more", 12, "CamelCase an"),
        ("x ![http://a.example/ label] y", 18, f"x ![{escape.MARK}http://a.example"[:19]),
    ],
)
def test_what_the_cut_makes_of_a_line_is_escaped(line: str, at: int, expected: str) -> None:
    """What is no link to a page as a whole may be one in part; what was one, our own, stays."""
    assert truncate.front(line[:at], line) == expected
