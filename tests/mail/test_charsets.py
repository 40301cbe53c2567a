"""Bytes to text, whatever they are said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mail.spooled import read
from trac_mailintake.mail import charsets
from trac_mailintake.mail.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("raw", "label", "expected"),
    [
        ("Grüße".encode() + b"\xfc", "utf-8", "Grüße\ufffd"),
        (b"abc", "utf-16", "abc"),
        ("ü".encode(), "utf-8", "ü"),
        ("ü".encode("latin-1"), "utf-8", "ü"),
        ("ü€".encode("cp1252"), "iso-8859-1", "ü€"),
        ("ü".encode(), "no-such-charset", "ü"),
        ("Grüße aus Köln".encode("utf-8-sig"), "", "Grüße aus Köln"),
        ("日本語のテキスト".encode("iso2022_jp"), "", "日本語のテキスト"),
        (b"\x1b$B-b\x1b(B", "iso-2022-jp", "№"),
        ("中文".encode("gb18030"), "gb2312", "中文"),
        (b"a\x00b", "us-ascii", "ab"),
        (b"+AGE-", "utf-7", "a"),
        (b"\xff\xfe\xfd", "rot13", None),
        ("中文㐀".encode("gb18030"), "euc-cn", "中文㐀"),
        ("똠방각하".encode("cp949"), "ks_c_5601-1987", "똠방각하"),
        ("é—“".encode("mac_roman"), "x-mac-roman", "é—“"),
        ("Ελλάδα".encode("mac_greek"), "x-mac-greek", "Ελλάδα"),
        ("日本①".encode("cp932"), "shift_jis", "日本①"),
        ("日本".encode("euc_jp") + b"\xad\xa1\x8e\xb1\xc6\xfc", "euc-jp", "日本①ｱ日"),
        (b"\x1b$B-!\x1b(B", "iso-2022-jp-1", "①"),
        (b"\x1b$B%F\x1b(I1\x1b(B", "iso-2022-jp", "テｱ"),
        (b"\x1b$B%F\x1b(B", "cp50221", "テ"),
        (b"\xed\xa0\xbd\xed\xb8\x80", "utf-8", "😀"),
        ("안녕".encode("iso2022_kr"), "iso-2022-kr", "안녕"),
        (b"~{VPND~}", "hz-gb-2312", "中文"),
        (b"+AGE-", "unicode-1-1-utf-7", "a"),
        ("Größe".encode("utf-16"), "utf-16", "Größe"),
    ],
)
def test_charsets(raw: bytes, label: str, expected: str | None) -> None:
    """As declared, else UTF-8, else detected, else Windows-1252; never a crash, never U+0000."""
    text = charsets.decode(raw, label)
    assert expected is None or text == expected
    text.encode("utf-8")


@given(
    st.binary(max_size=100),
    st.sampled_from(["", "utf-8", "utf-7", "iso-2022-jp", "hz-gb-2312", "utf-16", "x", "base64", "idna"]),
)
def test_any_bytes_are_text(raw: bytes, label: str) -> None:
    """Every text can be written to a database."""
    text = charsets.decode(raw, label)
    text.encode("utf-8")
    assert "\x00" not in text


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        *(("gb2312", "gb18030"), ("GBK", "gb18030"), ("cp936", "gb18030"), ("euc-cn", "gb18030")),
        *(("iso-8859-1", "cp1252"), ("iso_8859-1:1987", "cp1252"), ("8859_1", "cp1252"), ("'Latin1'", "cp1252")),
        *(("iso-8859_1", "cp1252"), ("iso-8859-1;", "cp1252"), ("iso-8859-9", "cp1254"), ("x-ansi", "cp1252")),
        *(("ks_c_5601-1987", "cp949"), ("euc-kr", "cp949"), ("x-windows-949", "cp949")),
        *(("x-mac-ce", "mac_latin2"), ("x-mac-icelandic", "mac_iceland"), ("x-mac-turkish", "mac-turkish")),
        *(("x-sjis", "cp932"), ("windows-31j", "cp932"), ("x-euc-jp", "euc_jp"), ("iso-2022-jp-ms", "iso2022_jp")),
        *(("tis-620", "cp874"), ("koi8_r", "koi8-r"), ("cp-1251", "cp1251"), ("x-big5", "big5hkscs")),
        *(("unicode-1-1-utf-7", "utf-7"), ("utf8", "utf-8"), ("utf-8*en", "utf-8"), ("utf8mb4", "utf-8")),
        *(("us-ascii", ""), ("", ""), ("x-unknown", ""), ("8bit", ""), ("rot13", ""), ("idna", ""), ("???", "")),
    ],
)
def test_labels_of_the_field(label: str, codec: str) -> None:
    """What software says, and what it means with it."""
    assert charsets.codec(label) == codec


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "shift_jis", "utf-16-le"])
@pytest.mark.parametrize("limit", [100, 101, 102, 103])
def test_a_text_cut_within_a_character_is_still_read(tmp_path: Path, charset: str, limit: int) -> None:
    """The limit counts bytes, and does not turn the whole text into another alphabet."""
    head = f"From: a@example.org\nContent-Type: text/plain; charset={charset}\n\n".encode()
    message = read(tmp_path, head + ("日本" * 200).encode(charset), Limits(text=limit))
    assert message.overlong
    assert len(message.text) >= 30
    assert set(message.text) == set("日本")


@pytest.mark.parametrize(
    ("body", "charset", "damaged"),
    [
        (b"caf\xe9 caf\xc3\xa9 \xff\xfe", "utf-8", True),
        ("Der Rest fehlt: \ufffd".encode(), "utf-8", False),
        (b"a\x00b", "utf-8", True),
        ("Größe".encode("utf-16-le"), "utf-16", False),
        (b"plain", "utf-8", False),
    ],
)
def test_what_is_not_shown_is_a_defect(tmp_path: Path, body: bytes, charset: str, damaged: bool) -> None:  # noqa: FBT001 - a row of the table
    """Nothing is left out silently; a replacement that the sender wrote is none of ours."""
    message = read(tmp_path, f"From: a@example.org\nContent-Type: text/plain; charset={charset}\n\n".encode() + body)
    assert ("damaged-text" in [defect.slug for defect in message.defects]) is damaged
