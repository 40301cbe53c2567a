"""The mailboxes of address fields (RFC 5322, 3.4), as real software writes them."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.headers import address_list
from trac_mailintake.mail.message import Address

ATEXT = string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~"
"""RFC 5322, 3.2.3."""
SPECS = st.builds(
    "{}@{}".format,
    st.text(ATEXT, min_size=1, max_size=20).filter(lambda local: "=?" not in local),
    st.lists(st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=9), min_size=1, max_size=3).map(
        ".".join
    ),
)
NAMES = st.text(string.ascii_letters + ' ,;:<>@()."\\', max_size=20).map(lambda name: " ".join(name.split()))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("ann@example.org", [("", "ann@example.org")]),
        ("Ann Lee <ann@example.org>", [("Ann Lee", "ann@example.org")]),
        ('"Lee, Ann" <ann@example.org>, bob@example.org', [("Lee, Ann", "ann@example.org"), ("", "bob@example.org")]),
        ("ann@example.org (Ann (of) Lee)", [("Ann (of) Lee", "ann@example.org")]),
        ("Team: Ann <ann@example.org>, bob@example.org;", [("Ann", "ann@example.org"), ("", "bob@example.org")]),
        ("undisclosed-recipients:;", []),
        ('"ann"@example.org, <"a\\nn.b"@example.org>', [("", "ann@example.org"), ("", "ann.b@example.org")]),
        ('<"a..b"@example.org>, <""@example.org>', [("", '"a..b"@example.org'), ("", '""@example.org')]),
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


@given(st.text(max_size=200))
def test_any_text_is_an_address_field(text: str) -> None:
    """Never an exception; never an address that is none."""
    for found in address_list.parse(text):
        assert found.spec.count("@") >= 1
        assert not set(found.spec) & set("\r\n\x00<>")


def written(name: str, spec: str) -> str:
    """A mailbox with its display name as a quoted-string (RFC 5322, 3.2.4)."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{spec}>' if name else spec


@given(st.lists(st.tuples(NAMES, SPECS), min_size=1, max_size=6), st.sampled_from([", ", ",", " ,\t", ", ,"]))
def test_what_is_written_by_the_rules_is_read(mailboxes: list[tuple[str, str]], comma: str) -> None:
    """Whatever is in the names; with and without the empty entries of RFC 5322, 4.4."""
    field = comma.join(written(*each) for each in mailboxes)
    assert address_list.parse(field) == tuple(Address(*each) for each in mailboxes)
    assert not address_list.overlong(field)


@given(st.lists(st.tuples(NAMES, SPECS), min_size=1, max_size=4), st.integers(1, 6))
def test_no_more_are_read_than_asked_for(mailboxes: list[tuple[str, str]], limit: int) -> None:
    """The first ones."""
    field = ", ".join(written(*each) for each in mailboxes)
    assert address_list.parse(field, limit) == tuple(Address(*each) for each in mailboxes[:limit])


@pytest.mark.parametrize(
    ("written", "others"), [("Ann (she) <{}>", 0), ('"Ann {}', 0), ("{}, bob@example.org", 1), ("<{}>,", 0)]
)
def test_an_address_that_is_too_long_is_left_out_and_reported(written: str, others: int) -> None:
    """So that nobody takes those that were read for all of them."""
    field = written.format("a" * 600 + "@example.org")
    assert address_list.overlong(field)
    assert len(address_list.parse(field)) == others
    assert not address_list.overlong(written.format("ann@example.org"))


@pytest.mark.parametrize("written", ["{}", "Ann <{}>"])
def test_what_is_read_is_not_reported_as_left_out(written: str) -> None:
    """The forms that nearly all mail has are read at any length."""
    field = written.format("a" * 600 + "@example.org")
    assert not address_list.overlong(field)
    assert [each.spec for each in address_list.parse(field)] == ["a" * 600 + "@example.org"]
