"""Which lines of a reply are cut, and why."""

from __future__ import annotations

import pytest

from trac_mailintake.mail.reply.weigh import Why, dropped

BLOCK = "From: Bob <bob@example.org>\nSent: Monday, 2 March 2026 10:15\nTo: Ann\nSubject: Printer"
ON = "On 2 Mar 2026, at 10:15, Bob <bob@example.org> wrote:"


def why(text: str, declared: range = range(0)) -> dict[Why, int]:
    """How many lines that are not blank are cut for which reason."""
    lines = text.split("\n")
    found = dropped(lines, [index in declared for index in range(len(lines))])
    counts: dict[Why, int] = {}
    for index, reason in found.items():
        counts[reason] = counts.get(reason, 0) + bool(lines[index])
    return counts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"It works.\n\n{ON}\n> Does it?", {Why.ATTRIBUTION: 1, Why.MARKS: 1}),
        (f"It works.\n\n{ON}\n\nDoes it?", {Why.ATTRIBUTION: 2}),
        (f"It works.\n\n{BLOCK}\n\nDoes it?", {Why.HEADER: 5}),
        ("It works.\n\n-----Original Message-----\nDoes it?", {Why.SEPARATOR: 2}),
        ("It works.\n\n> Does it?", {Why.MARKS: 1}),
        ("It works.\n\n-- \nAnn", {Why.SIGNATURE: 2}),
        ("It works.\n\nSent from my iPhone", {Why.PHONE: 1}),
        ("It works.\n\n____________\nusers mailing list\nhttps://lists.example.org/users", {Why.FOOTER: 3}),
        (f"It works.\n\n{ON}\n) Does it?\n)\n) Really?", {Why.ATTRIBUTION: 1, Why.MARKS: 3}),
        (f"Kind regards.\n\nAnn,\n\n{ON}\n> Does it?", {Why.ATTRIBUTION: 1, Why.MARKS: 1}),
        (f"{ON}\n> Does it?\n\nIt does.", {Why.ATTRIBUTION: 1, Why.MARKS: 1}),
    ],
)
def test_the_reason_says_what_proved_it(text: str, expected: dict[Why, int]) -> None:
    """Each kind of evidence has its own."""
    assert why(text) == expected


def test_people_choose_other_quote_marks() -> None:
    """What has none of them is an answer, although nothing has a `>`."""
    assert why(f"{ON}\n) Does it?\n) Really?\n\nIt does.\n\n) Bob") == {Why.ATTRIBUTION: 1, Why.MARKS: 3}
    assert why(f"{ON}\n) Does it?\n\nIt does.") == {Why.ATTRIBUTION: 1}


def test_what_the_html_declares() -> None:
    """Without any words that we know."""
    assert why("It works.\n\nBob dixit\nfoo", range(2, 4)) == {Why.HTML: 2}


@pytest.mark.parametrize(
    "text",
    [
        f"This mail was refused:\n\n{BLOCK}\n\nWhy?",
        f"Hello,\n\n{ON}\n\nDisk full.\n\nCan you help?",
        f"Hello Bob!\n\n{ON}\n\nDisk full.",
        f"You told me:\n\n{ON}\n> Buy it.\n",
        "The contract says:\n> The fee is due in March.",
        "Please change\nthe line:\n> timeout 30\nto\n> timeout 60",
        "I got your mail with\n-----Original Message-----\nin it.",
        "Kind regards,\n-- \nAnn",
        "Log:\n2026-03-02 10:15 login <root@web1.example>\n2026-03-02 10:16 logout <root@web1.example>",
        f"As far as I have understood it from what you say below,\n\n{ON}\n> Buy it.\n",
    ],
)
def test_text_that_ends_in_the_air_announces_what_is_below(text: str) -> None:
    """What is left never ends in a salutation, a colon or an open comma because of a cut."""
    assert why(text) == {}


def test_a_quotation_of_ones_own_above_the_quote_stays() -> None:
    """Only what is announced below it goes."""
    text = f"The contract says:\n\n> The fee is due.\n\n{ON}\n\n> When do you pay?"
    assert why(text) == {Why.ATTRIBUTION: 1, Why.MARKS: 1}


def test_a_declared_signature_does_not_leave_its_closing_behind() -> None:
    """As one that `-- ` begins does not."""
    assert why("It works.\n\nKind regards,\nAnn Lee", range(3, 4)) == {}
    assert why("It works.\n\nAnn Lee\nExample", range(2, 4)) == {Why.HTML: 2}


def test_nothing_is_dropped_if_nothing_would_be_left() -> None:
    """A reply is never filed empty."""
    assert why(f"{ON}\n> Does it?") == {}
