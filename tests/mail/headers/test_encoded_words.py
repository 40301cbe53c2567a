"""Encoded words (RFC 2047), even misplaced or malformed ones."""

from __future__ import annotations

import base64
from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.headers import encoded_words

TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S"), include_characters=" "), max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=?iso-8859-1?Q?a?= =?iso-8859-1?Q?b?=", "ab"),
        ("=?iso-8859-1?Q?a_b?= c", "a b c"),
        ("x =?utf-8?B?w7w?= y", "x ü y"),
        ("=?utf-8?B?w7w=?==?utf-8?B?w7w=?=", "üü"),
        ("=?utf-8?Q?What?_is this?=", "What? is this"),
        ("=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?no-such-charset?Q?plain?=", "plain"),
        ("=?utf-8?B?w7/", "=?utf-8?B?w7/"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?gb2312?B?086yyZjl?=", "游采樺"),
        ("=?us-ascii?Q?caf=E9?=", "café"),
        ("=?utf-8?Q?a=0D=0Ab=00c?=", "a bc"),
    ],
)
def test_encoded_words(text: str, expected: str) -> None:
    """RFC 2047, and what is made of it."""
    assert encoded_words.decode(text) == expected


@given(TEXTS, st.sampled_from(["utf-8", "gb18030", "utf-7"]))
def test_what_the_standard_library_writes_is_read(text: str, charset: str) -> None:
    """Folded or not; blanks between two encoded words are none (RFC 2047, 6.2)."""
    wanted = " ".join(text.split())
    written = Header(wanted, charset, maxlinelen=60).encode(linesep="\n")
    assert " ".join(encoded_words.decode(written.replace("\n", "")).split()) == wanted


@given(
    st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=40), st.lists(st.integers(1, 9))
)
def test_words_may_be_cut_anywhere(text: str, sizes: list[int]) -> None:
    """Within a character, and within a group of base64 digits: RFC 2047, 5 forbids it, software does it."""
    digits = base64.b64encode(text.encode()).decode().rstrip("=")
    pieces: list[str] = []
    for size in sizes:
        pieces, digits = [*pieces, digits[:size]], digits[size:]
    words = " ".join(f"=?utf-8?B?{each}?=" for each in (*pieces, digits) if each)
    assert encoded_words.decode(words) == text


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "no-such-charset"])
@given(st.binary(max_size=40))
def test_any_bytes_are_one_line(charset: str, content: bytes) -> None:
    """What is decoded makes no lines, and nothing that a database refuses (U+0000)."""
    for word in (
        f"=?{charset}?B?{base64.b64encode(content).decode()}?=",
        f"=?{charset}?q?{''.join(f'={byte:02X}' for byte in content)}?=",
    ):
        found = encoded_words.decode(f"a {word} b")
        assert found[:2] + found[-2:] == "a  b"
        assert not set(found) & set("\r\n\0")


def test_base64_without_a_charset_is_read() -> None:
    """It is no encoded word (RFC 2047, 2), but nobody can read it; other text with these marks stays."""
    assert encoded_words.decode("=??B?R3LDvMOfZQ==?=") == "Grüße"
    assert encoded_words.decode("=??Q?a=20b?= =?") == "=??Q?a=20b?= =?"


def test_both_encodings_in_a_row_are_one_text() -> None:
    """Of the same charset; another charset begins another text."""
    assert encoded_words.decode("=?utf-8?B?w7w=?= =?utf-8?Q?=C3?= =?UTF-8?Q?=BC?=") == "üü"
    assert encoded_words.decode("=?utf-8?Q?=C3=BC?= =?iso-8859-1?Q?=FC?=") == "üü"
