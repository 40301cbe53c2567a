"""What no text from outside may contain is gone from it, and everything else stays."""

from __future__ import annotations

import unicodedata
from xml.dom import minidom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.scrub import scrub, scrubbed_ascii

ALL = st.text(st.characters(codec=None, categories=["Cc", "Cs", "Cn", "Co", "L", "N", "P", "S", "Z"]))


@given(ALL)
def test_every_text_fits_into_a_database_and_into_xml(text: str) -> None:
    """UTF-8 cannot encode surrogates; XML 1.0, 2.2 has no control characters but three."""
    cleaned = scrub(text)
    cleaned.encode("utf-8")
    assert not [
        each for each in cleaned if unicodedata.category(each) == "Cc" and each < "\x80" and each not in "\t\n\r"
    ]
    escaped = cleaned.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    minidom.parseString(f"<t>{escaped}</t>".encode())  # noqa: S318 - this text has no entities of its own


@given(ALL)
def test_it_is_done_once(text: str) -> None:
    """A second time changes nothing, so texts may pass through it wherever they come together."""
    assert scrub(scrub(text)) == scrub(text)


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs", "Co"])))
def test_what_people_write_stays(text: str) -> None:
    """Private-use characters, too: fonts of companies have logos there."""
    assert scrub(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\x00b\x1b[31mc", "ab[31mc"),
        ("a\vb\fc", "a b c"),
        ("a\tb\r\nc", "a\tb\r\nc"),
        ("ä\x07\ud800\ufdd0\uffff", "ä\ufffd\ufffd\ufffd"),
        ("ä\vb", "ä b"),
    ],
)
def test_what_becomes_of_each_kind(text: str, cleaned: str) -> None:
    """Line and page feeds are blanks, what has no meaning vanishes, what had one may be seen to be missing."""
    assert scrub(text) == cleaned


def test_bytes_of_ascii_are_the_same_text() -> None:
    """So that most mail is decoded only once."""
    raw = bytes(range(0x80))
    assert scrubbed_ascii(raw) == scrub(raw.decode("ascii"))
