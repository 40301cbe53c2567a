"""Where the signatures at the end of a text begin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.reply import signatures
from trac_mailintake.mail.reply.attribution import bare

BODY = ["It works.", "Thank you."]


def begin(*lines: str) -> int:
    """The first line of the signatures, taken away from below."""
    end = len(lines)
    chapters = signatures.has_chapters(lines)
    while found := signatures.begin(lines, [bare(line) for line in lines], 0, end, chapters=chapters):
        end = found[0]
    return end


@pytest.mark.parametrize(
    "signature",
    [
        ["-- ", "Ann Example", "Example Ltd"],
        ["--", "Ann"],
        ["-- \r", "Ann"],
        ["\u2014", "Ann"],
        ["-- "],
        ["Sent from my iPhone"],
        ["-- ", "Ann", "", "Sent from my iPhone"],
        ["_______________________", "users mailing list", "https://lists.example.org/users"],
        ["-- ", *["line"] * 12],
    ],
)
def test_a_signature_begins_at_its_delimiter(signature: list[str]) -> None:
    """RFC 3676, 4.3, and variants; a phone adds its line below."""
    assert begin(*BODY, "", *signature) == len(BODY) + 1


@pytest.mark.parametrize(
    "lines",
    [
        ["-- ", *["line"] * 13],
        ["_______________________", *["line"] * 7],
        ["_______________________", "one", "", "two"],
        ["_______________________"],
        ["--", "a", "--", "b", "--", "c"],
        ["--  first", "--  second"],
        ["--", "Option B: replacement", "", "I choose B."],
        ["--", "", "Second question: how?"],
        ["______________", "Name: Ann", "Room: 12"],
        ["-" * 60, "This was written by the editor of a paper that has many readers. " * 2, "https://example.org/x"],
        ["Sent from my iPhone", "", "One.", "", "Two."],
        ["Sent from my iPhone", "", "PS: call me."],
    ],
)
def test_chapters_and_rulers_are_no_signatures(lines: list[str]) -> None:
    """What is too long, what has paragraphs below a ruler, delimiters by the dozen."""
    assert begin(*BODY, *lines) == len(BODY) + len(lines)


def test_among_chapters_the_line_of_a_phone_is_still_one() -> None:
    """It is what it is."""
    assert begin("a", "--", "b", "--", "c", "--", "d", "Sent from my iPhone") == 7


@pytest.mark.parametrize(
    ("line", "phone"),
    [
        ("Sent from my iPhone", True),
        ("Sent with [https://proton.example/ Proton Mail] secure email.", True),
        ("Get Outlook for iOS<https://example.org/x>", True),
        ("'''Sent from my iPhone'''", True),
        ("Von meinem iPhone gesendet", True),
        ("iPhoneから送信", True),
        ("Sent from the wrong printer were three pages, and the fourth one never came; it is in the queue.", False),
        ("Sent from here, it fails.", False),
        ("Sent from my " + "x" * 200, False),
        ("Sent from my " + "x" * 400, False),
        ("I sent it from my phone", False),
        ("Sent from my Wiko RIDGE FAB 4G", True),
        ("Sent from my desk, which is easier than from my phone.", False),
        ("Sent from the app were three orders.", False),
        ("Gesendet mit DHL, Sendungsnummer 4711", False),
        ("Envoyé par erreur au support, merci de fermer", False),
        ("Download the setup for Windows", False),
        ("", False),
    ],
)
def test_the_line_of_a_phone(line: str, phone: bool) -> None:  # noqa: FBT001 - a row of the table
    """In many languages, with links or emphasis; prose is none."""
    assert signatures.is_phone(line) is phone


@given(st.lists(st.sampled_from(["text", "", "-- ", "--", "Sent from my iPhone", "_" * 20, "> x"]), max_size=20))
def test_what_is_left_has_no_more_signature(lines: list[str]) -> None:
    """And a signature begins with what makes it one."""
    first = begin(*lines)
    assert first == len(lines) or lines[first] in {"-- ", "--", "Sent from my iPhone", "_" * 20}
