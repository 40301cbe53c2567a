"""Text of strangers is shown by a terminal, and does nothing to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.components.terminal import plain


@given(st.text())
def test_nothing_moves_the_cursor_or_turns_the_line(text: str) -> None:
    """Controls of ASCII and of Latin 1, and marks of direction, are written out; lone surrogates too."""
    shown = plain(text)
    assert not any((ord(each) < 32 and each != "\n") or 127 <= ord(each) < 160 for each in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert shown.encode().decode() == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Größe 日本 👩\u200d💻", "Größe 日本 👩\u200d💻"),
        ("a\tb\u00a0c", "a b c"),
        ("two\nlines ä", "two\nlines ä"),
        ("\x1b[2J\r", "\\x1b[2J\\r"),
        ("\u202eevil", "\\u202eevil"),
    ],
)
def test_what_is_harmless_stays(text: str, shown: str) -> None:
    """Letters of every script, emoji, lines; a blank of another kind is a blank."""
    assert plain(text) == shown
