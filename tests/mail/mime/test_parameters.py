"""Parameters of Content-Type and Content-Disposition (RFC 2045, 5.1; RFC 2231)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.mime import parameters

VALUES = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S"), include_characters=" "), min_size=1, max_size=30
).filter(lambda value: "=?" not in value and value == value.strip())


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b'text/plain; charset="utf-8"', {"charset": "utf-8"}),
        (b"text/plain; charset=utf-8 (comment)", {"charset": "utf-8 (comment)"}),
        (b"a/b; name*=utf-8'de'%C3%BC.txt", {"name": "ü.txt"}),
        (b'a/b; name*0="long "; name*1="name.txt"', {"name": "long name.txt"}),
        (b"a/b; name*1*=%BC; name*0*=utf-8''%C3; name*2=.txt", {"name": "ü.txt"}),
        (b"a/b; name=a b.txt; x=1", {"name": "a b.txt", "x": "1"}),
        (b'a/b; name="a;b.txt"', {"name": "a;b.txt"}),
        (b'a/b; name="a\\"b.txt"', {"name": 'a"b.txt'}),
        (b'a/b; name="C:\\dir\\a.txt"', {"name": "C:\\dir\\a.txt"}),
        (b'a/b; name="open', {"name": "open"}),
        (b'a/b charset="utf-8" name="a"', {"charset": "utf-8", "name": "a"}),
        (b"a/b; name==?utf-8?q?=C3=BC?=", {"name": "ü"}),
        (b'a/b; name="=?utf-8?q?=C3=BC?="', {"name": "ü"}),
        ('a/b; name="ü"'.encode("latin-1"), {"name": "ü"}),
        (b"a/b; name=\"x\"; name*=utf-8''%C3%BC", {"name": "ü"}),
        (b"a/b; ; =; name", {}),
    ],
)
def test_parameters(field: bytes, expected: dict[str, str]) -> None:
    """RFC 2231, RFC 2047 where it should not be, and neither."""
    found = parameters.parse(field)[1]
    assert {name: found.get(name) for name in expected} == expected
    assert expected or not any(found.values())


@given(VALUES, st.lists(st.integers(1, 20), max_size=5))
def test_continuations_are_joined_whatever_their_order(value: str, sizes: list[int]) -> None:
    """RFC 2231, 3 and 4: pieces of percent-encoded text, each with its number, the charset in the first."""
    letters = [f"%{byte:02X}" for byte in value.encode()]
    pieces: list[str] = []
    for size in sizes:
        pieces, letters = [*pieces, "".join(letters[:size])], letters[size:]
    numbered = [f"name*{number}*={piece}" for number, piece in enumerate([*pieces, "".join(letters)])]
    numbered[0] = numbered[0].replace("=", "=utf-8'en'", 1)
    field = "; ".join(("attachment", *reversed(numbered)))
    assert parameters.parse(field.encode()) == ("attachment", {"name": value})


@given(VALUES)
def test_a_quoted_string_is_its_content(value: str) -> None:
    """RFC 2045, 5.1: blanks, semicolons and escaped marks are part of it."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parameters.parse(f'text/plain; x=1; name="{quoted}"; y=2'.encode())[1] == {"x": "1", "name": value, "y": "2"}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"", "text/plain"),
        (b"Text/HTML; charset=utf-8", "text/html"),
        (b" image / png ", "image/png"),
        (b"text", "text/plain"),
        (b"; charset=utf-8", "text/plain"),
        (b"pdf", "application/octet-stream"),
        (b"application/", "application/octet-stream"),
        (b'text/plain charset="utf-8"', "text/plain"),
    ],
)
def test_the_type(field: bytes, expected: str) -> None:
    """In lower case. What names no type is text only if it is empty or says so (RFC 2045, 5.2)."""
    assert parameters.content_type(field, "text/plain")[0] == expected


def test_a_charset_counts_without_a_type() -> None:
    """Mail of web forms says `Content-Type: ; charset=...`."""
    assert parameters.content_type(b"; charset=koi8-r", "text/plain") == ("text/plain", {"charset": "koi8-r"})


def test_a_missing_field_has_the_default_of_its_place() -> None:
    """Within multipart/digest a part is a message (RFC 2046, 5.1.5)."""
    assert parameters.content_type(b"", "message/rfc822") == ("message/rfc822", {})


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b'a/b; name="x" size=3', {"name": "x", "size": "3"}),
        (b'a/b; name="x" size="3" mode="r"', {"name": "x", "size": "3", "mode": "r"}),
        (b"a/b; name=x; name=y", {"name": "x"}),
        (b"a/b; name=utf-8'de'%C3%BC.txt", {"name": "\u00fc.txt"}),
        (b"a/b; name*=%C3%BC", {"name": "\u00fc"}),
        (b"a/b; name*0==?utf-8?q?=C3; name*1==BC?=", {"name": "\u00fc"}),
        (b"a/b; name*=utf-8''; name=\"y\"", {"name": "y"}),
        (b'a/b;\r\n name="x\r\n y"', {"name": "x y"}),
    ],
)
def test_mistakes_of_real_software(field: bytes, expected: dict[str, str]) -> None:
    """A missing semicolon hides nothing, the first of two values counts, an empty extended value does not."""
    assert parameters.parse(field)[1] == expected
