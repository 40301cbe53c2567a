"""Header fields as real software writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trac_mailintake.mail.headers import field_values


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


def fields(*pairs: tuple[str, bytes]) -> field_values.Fields:
    """The fields of a header block."""
    return field_values.Fields(pairs)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b" Hello", "Hello"),
        (b" Hello\r\n World", "Hello World"),
        (b" Hello\n\tWorld\n  !", "Hello World !"),
        (b"\n", ""),
        ("Grüße".encode("latin-1"), "Grüße"),
    ],
)
def test_a_folded_value_is_one_line(raw: bytes, expected: str) -> None:
    """RFC 5322, 2.2.3; text that is not ASCII is decoded as well as it can be."""
    assert field_values.unfolded(raw) == expected


def test_fields_are_found_whatever_the_case_of_their_names() -> None:
    """RFC 5322, 1.2.2: names have no case; the order of the message stays."""
    found = fields(
        ("Received", b"one"), ("SUBJECT", b"=?utf-8?q?=C3=BC?="), ("received", b"two"), ("To", b"a@b.example")
    )
    assert found.get_all("received") == ["one", "two"]
    assert found.get_all("to", "received") == ["a@b.example", "one", "two"]
    assert (found.get("subject"), found.get("date")) == ("=?utf-8?q?=C3=BC?=", "")
    assert (found.first_of(("date", "to", "subject")), found.first_of(("date",))) == ("to", "")
    assert found.decoded()[1] == ("SUBJECT", "ü")


def test_mailboxes_of_several_fields_are_read_together() -> None:
    """At most so many of each field."""
    found = fields(("To", b"a@x.example, b@x.example, c@x.example"), ("Cc", b"d@x.example"), ("to", b"e@x.example"))
    assert [each.spec[0] for each in found.addresses("to", "cc")] == ["a", "b", "c", "e", "d"]
    assert [each.spec[0] for each in found.addresses("to", "cc", limit=1)] == ["a", "e", "d"]
    assert not found.overlong("to")
    assert fields(("From", b"Ann (she) <" + b"a" * 600 + b"@x.example>")).overlong("from")


def test_what_could_not_be_read_is_named_once() -> None:
    """In which fields, so that an administrator can compare them with the original."""
    assert field_values.damage([("Subject", "whole")]) == ()
    [defect] = field_values.damage([("Subject", "a\ufffd"), ("To", "x"), ("Subject", "\ufffd"), ("X-A", "\ufffd")])
    assert (defect.slug, "(Subject, X-A)" in defect.sentence) == ("damaged-text", True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("<a@b>", "<a@b>"), (" a @ b ", "<@>"), ("word", "<word>"), ("<>", None), ("", None), ("<a b>", "<ab>")],
)
def test_message_ids(text: str, expected: str | None) -> None:
    """An id of no form that the RFC knows still tells mails apart."""
    assert field_values.message_id(text) == expected


def test_comments_within_an_id_are_none_of_it() -> None:
    """RFC 5322, 4.5.4; without blanks a parenthesis is part of what software wrote."""
    assert field_values.ids("<a (first) @ b>") == ("<a@b>",)
    assert field_values.ids("<a(1)@b>") == ("<a(1)@b>",)
