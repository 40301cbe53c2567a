"""Header fields as real software writes them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.headers import address_list, encoded_words, field_values
from trac_mailintake.mail.message import Address
from trac_mailintake.mail.mime import filenames, parameters


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("ann@example.org", [("", "ann@example.org")]),
        ("Ann Lee <ann@example.org>", [("Ann Lee", "ann@example.org")]),
        ('"Lee, Ann" <ann@example.org>, bob@example.org', [("Lee, Ann", "ann@example.org"), ("", "bob@example.org")]),
        ("ann@example.org (Ann (of) Lee)", [("Ann (of) Lee", "ann@example.org")]),
        ("Team: Ann <ann@example.org>, bob@example.org;", [("Ann", "ann@example.org"), ("", "bob@example.org")]),
        ("undisclosed-recipients:;", []),
        ('"very \\"odd\\"" <"odd local"@example.org>', [('very "odd"', '"odd local"@example.org')]),
        ("<@relay.example,@other.example:ann@example.org>", [("", "ann@example.org")]),
        ("Ann Lee ann@example.org", [("Ann Lee", "ann@example.org")]),
        ("<ann@example.org> <bob@example.org>", [("", "ann@example.org"), ("", "bob@example.org")]),
        ("ann@example.org; bob@example.org", [("", "ann@example.org"), ("", "bob@example.org")]),
        ("Ann <ann (the) @ example.org>", [("Ann", "ann@example.org")]),
        ('"=?utf-8?q?=C3=84nn?=" <ann@example.org>', [("Änn", "ann@example.org")]),
        ("=?utf-8?q?a=40evil=2Eexample?= <ann@example.org>", [("a@evil.example", "ann@example.org")]),
        ("=?utf-8?q?a=40evil=2Eexample?=", []),
        ("Jörg <jörg@exämple.org>", [("Jörg", "jörg@exämple.org")]),
        ("admin", []),
        ("a@b@c", []),
        ("<ann@example.org\x00>", []),
        ('"Ann Lee <a@b.example>', [("Ann Lee", "a@b.example")]),
        ("Mary <@route:m@b.example>, , j@b   . example", [("Mary", "m@b.example"), ("", "j@b.example")]),
        ("(=?utf-8?B?w6TDtsOf?=) <a@b.example>", [("(äöß)", "a@b.example")]),
        ("a@b.example (Ann Lee)", [("Ann Lee", "a@b.example")]),
        ('"a@b.example, Ann" <c@b.example>', [("a@b.example, Ann", "c@b.example")]),
    ],
)
def test_addresses(field: str, expected: list[tuple[str, str]]) -> None:
    """Structure first, decoding after; what is no address is none."""
    assert address_list.parse(field) == tuple(Address(*pair) for pair in expected)


@pytest.mark.parametrize(
    "field",
    [
        "(" * 16000,
        "a:" * 8000,
        "," * 16000,
        '"a"' * 5000,
        "<" * 16000,
        "a@b," * 4000,
        "a " * 8000,
        '"' + "\\" * 16000,
        "a@" * 8000,
        "=?" * 8000,
        "=?a?q?" * 2600,
        "=?a?q?b?= " * 1600,
        "(a" * 8000 + ")" * 8000,
        "@" * 16000,
    ],
)
def test_a_hostile_field_takes_no_time(field: str) -> None:
    """Sixteen kilobytes of anything are read in a fraction of a second, without recursion."""
    started = time.process_time()
    address_list.parse(field)
    encoded_words.decode(field)
    field_values.ids(field)
    field_values.date(field)
    parameters.parse(field.encode())
    assert time.process_time() - started < 0.5


@given(st.text(max_size=200))
def test_any_text_is_an_address_field(text: str) -> None:
    """Never an exception; never an address that is none."""
    for found in address_list.parse(text):
        assert found.spec.count("@") >= 1
        assert not set(found.spec) & set("\r\n\x00<>")


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
    assert {name: found.get(name) for name in expected} == expected or expected == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<a@b> <c@d>", ("<a@b>", "<c@d>")),
        ("<a@\n b>", ("<a@b>",)),
        ("Your message of Monday <a@b>", ("<a@b>",)),
        ("a@b, c@d", ("<a@b>", "<c@d>")),
        ("<a@b", ("<a@b>",)),
        ("<a@b><a@b>", ("<a@b>",)),
        ("=?utf-8?q?=3Ca=40b=3E?=", ("<a@b>",)),
        ("", ()),
    ],
)
def test_ids(text: str, expected: tuple[str, ...]) -> None:
    """With angle brackets, in order, each once."""
    assert field_values.ids(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 2 Mar 2026 10:15:00 +0100", datetime(2026, 3, 2, 9, 15, tzinfo=UTC)),
        ("2 Mar 26 10:15 EST (really)", datetime(2026, 3, 2, 15, 15, tzinfo=UTC)),
        ("Mon, 2 Mar 2026 10:15:00", datetime(2026, 3, 2, 10, 15, tzinfo=UTC)),
        ("Mon, 32 Mar 2026 10:15:00", None),
        ("Mon, 2 Mar 2026 10:15:00 +99999999999999", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(text: str, expected: datetime | None) -> None:
    """In UTC; nonsense is no date."""
    assert field_values.date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("<>", ""), ("<ann@example.org>", "ann@example.org"), ("ann@example.org", "ann@example.org"), ("?", None)],
)
def test_return_paths(text: str, expected: str | None) -> None:
    """The null path is told from none."""
    assert field_values.path(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ('a:b%c$d?e*f<g>h|i"j.txt', "a_b_c_d_e_f_g_h_i_j.txt"),
        ("C:\\autoexec.bat", "autoexec.bat"),
        ("a\r\nb\tc.txt", "a b c.txt"),
        ("\u202etxt.exe", "_txt.exe"),
        ("..", ""),
        ("   ", ""),
        ("U\u0308.txt", "Ü.txt"),
        ("x" * 300 + ".pdf", "x" * 176 + ".pdf"),
    ],
)
def test_file_names(name: str, expected: str) -> None:
    """No path, none of the characters that JIRA replaces, no control characters, a bearable length."""
    assert filenames.safe(name) == expected
