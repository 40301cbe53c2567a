"""FETCH responses (RFC 3501, 7.4.2; RFC 9051, 7.5.2) as imaplib hands them over."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.sources.imap.fetch_response import PassedOver, ends, is_body, merged, parse
from trac_mailintake.sources.net.quota import LARGEST

if TYPE_CHECKING:
    from trac_mailintake.sources.imap.fetch_response import Fetched

ITEMS = {
    b"UID 12": ("uid", 12),
    b"RFC822.SIZE 345": ("size", 345),
    b'INTERNALDATE " 1-Feb-2026 10:00:00 +0100"': ("arrived", datetime(2026, 2, 1, 9, tzinfo=UTC)),
    b"FLAGS (\\Seen $Label)": ("flags", frozenset({b"\\seen", b"$label"})),
}


def one(*pieces: object) -> Fetched:
    """The one response in these pieces."""
    [found] = parse(pieces)
    return found


@pytest.mark.parametrize("order", list(itertools.permutations(ITEMS)))
def test_items_may_come_in_any_order(order: tuple[bytes, ...]) -> None:
    """Before the literal and behind it."""
    for split in range(len(order) + 1):
        before, behind = b" ".join(order[:split]), b" ".join(order[split:])
        head = b"1 (" + before + b" BODY[] {4}"
        found = one((head, b"mail"), b" " + behind + b")" if behind else b")")
        assert found.body == b"mail"
        for name, value in ITEMS.values():
            assert getattr(found, name) == value


@given(st.binary(max_size=100), st.integers(0, 10**6))
def test_whatever_is_in_a_literal_is_the_mail(content: bytes, start: int) -> None:
    """Also what looks like items; `<n>` is where a slice begins."""
    whole = one((b"1 (UID 12 BODY[] {%d}" % len(content), content), b")")
    assert (whole.uid, whole.body, whole.offset, whole.passed_over) == (12, content, None, False)
    for place in (b"<%d>" % start, b"<%d.2048>" % start):
        piece = one((b"1 (UID 12 BODY[]%s {%d}" % (place, len(content)), content), b")")
        assert (piece.body, piece.offset) == (content, start)


@given(st.text(st.characters(codec="ascii", exclude_characters="\r\n\0"), max_size=60))
def test_a_short_mail_may_be_a_quoted_string(text: str) -> None:
    """RFC 3501, 4.3; what it says are no items."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').encode()
    found = one(b'1 (BODY[] "%s" UID 12)' % quoted)
    assert (found.uid, found.body) == (12, text.encode())
    hostile = one(b'1 (UID 12 BODY[] "UID 99 RFC822.SIZE 1 FLAGS (x)")')
    assert (hostile.uid, hostile.size, hostile.flags) == (12, None, frozenset())


def test_nil_is_no_mail() -> None:
    """It was expunged (RFC 2180, 4.1.3); an empty slice may be NIL, too."""
    assert one(b"1 (UID 12 BODY[] NIL)").body is None
    assert one(b"1 (UID 12 BODY[]<2048> NIL)").body == b""


def test_a_section_is_not_the_mail() -> None:
    """Neither as a literal nor quoted."""
    section = b"BODY[HEADER.FIELDS (MESSAGE-ID)]"
    found = one((b"1 (UID 12 " + section + b" {6}", b"a: b\r\n"), b")")
    assert (found.section, found.body) == (b"a: b\r\n", None)
    found = one(b"1 (UID 12 " + section + b' "a: b")')
    assert (found.section, found.body) == (b"a: b", None)


def test_keywords_are_no_items() -> None:
    """Anybody who shares the folder may set `UID` as a keyword."""
    found = one(b"1 (FLAGS (UID 99 RFC822.SIZE 1) UID 12)")
    assert (found.uid, found.size) == (12, None)


@pytest.mark.parametrize(
    "date",
    [
        b"31-Feb-2026 10:00:00 +0100",
        b"01-Foo-2026 10:00:00 +0100",
        b"01-Feb-2026 10:00:00 +9999",
        b"01-Jan-0001 00:00:00 +0100",
        b"01-Feb-2026",
    ],
)
def test_a_date_that_is_none_is_missing(date: bytes) -> None:
    """The message is taken all the same."""
    found = one(b'1 (UID 12 INTERNALDATE "%s" RFC822.SIZE 3)' % date)
    assert (found.arrived, found.size) == (None, 3)
    assert found.fingerprint(7) == "7/12 3 -"


def test_a_zone_counts() -> None:
    """East and west; the fingerprint is in UTC."""
    for zone, hour in ((b"+0130", "08:30"), (b"-0130", "11:30")):
        found = one(b'1 (UID 12 RFC822.SIZE 3 INTERNALDATE "01-Feb-2026 10:00:00 %s")' % zone)
        assert found.fingerprint(7) == f"7/12 3 2026-02-01T{hour}:00Z"


@pytest.mark.parametrize(
    ("pieces", "uid"),
    [
        (((b"1 (UID 12 BODY[] {4}", b"mail"), b" junk)"), 12),
        (((b"1 (UID 12 BODY[] {4}", b"mail"), b""), 12),
        (((b"1 (UID 12 BODY[] {4}", b"mail"), (b" BODY[] {4}", b"more"), b")"), 12),
        (((b"1 (UID 12 BODY[] {4}", PassedOver()), b")"), 12),
    ],
)
def test_a_literal_of_a_wrong_length_is_no_mail(pieces: tuple[object, ...], uid: int) -> None:
    """Its end was taken for something else, or something else for its end."""
    found = one(*pieces)
    assert (found.uid, found.body, found.passed_over) == (uid, None, True)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (b")", True),
        (b" UID 12)", True),
        (b' FLAGS (\\Seen) INTERNALDATE "x")', True),
        (b" BODY[HEADER] {12}", False),
        (b' ENVELOPE (NIL (NIL) "a)"))\r\n', True),
        (b"", False),
        (b" and more of the mail)", False),
        (b") OK", False),
    ],
)
def test_what_may_follow_a_literal(text: bytes, fits: bool) -> None:  # noqa: FBT001 - a row of the table
    """Items with their values (RFC 3501, 9: msg-att), and the end."""
    assert ends(text) is fits


@pytest.mark.parametrize(
    ("text", "body"),
    [(b"1 (BODY[] {1}", True), (b"1 (BODY[]<0> {1}", False), (b"1 (BODY[TEXT] {1}", False), (b"1 (UID 1)", False)],
)
def test_which_literal_is_a_whole_mail(text: bytes, body: bool) -> None:  # noqa: FBT001 - a row of the table
    """No slice, and no section."""
    assert is_body(text) is body


def test_several_responses_about_a_message_are_one() -> None:
    """RFC 3501, 7.4.2: each may have some of the items; later ones count, flags add up."""
    came = parse(
        [b"1 (UID 12 RFC822.SIZE 3 FLAGS (a))", b"1 (UID 12 RFC822.SIZE 4)", b"1 (UID 12 FLAGS (b))", b"2 (FLAGS ())"]
    )
    found = merged(came)
    assert list(found) == [12]
    assert (found[12].size, found[12].flags) == (4, frozenset({b"a", b"b"}))
    both = merged(
        parse([(b"1 (UID 12 BODY[] {1}", b"x"), b")", b'1 (UID 12 INTERNALDATE "01-Feb-2026 10:00:00 +0000")'])
    )
    assert (both[12].body, both[12].arrived is not None) == (b"x", True)


def test_a_size_of_a_liar_is_no_number_for_us() -> None:
    """More than any mailbox has is as much as one has."""
    assert one(b"1 (UID 12 RFC822.SIZE 999999999999999999)").size == LARGEST


@given(st.binary(max_size=80))
def test_any_line_is_a_response(text: bytes) -> None:
    """Without an exception; what is missing is None."""
    found = one(b"1 (" + text)
    assert found.size is None or found.size <= LARGEST
