"""What lines are by themselves and beside their neighbours."""

from __future__ import annotations

import pytest

from trac_mailintake.mail.reply import marks
from trac_mailintake.mail.reply.marks import Mark

SHORT = {Mark.BLANK: ".", Mark.NEW: "n", Mark.QUOTED: "q", Mark.ANNOUNCED: "a"}


def marked(text: str) -> str:
    """The marks of the lines, a letter each."""
    return "".join(SHORT[mark] for mark in marks.by_themselves(text.split("\n")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works.\n\n> Does it?\n>", "n.qq"),
        ("  > indented", "q"),
        (">>> import this\n>>> 1 / 0", "nn"),
        (">>> import this\n> 1 / 0", "qq"),
        (">From next week on", "n"),
        ("> a\n>From b\n> c", "qqq"),
        ("BS> one\nBS> two", "qq"),
        ("SQL> one\nBS> two", "nn"),
        ("> a\n (https://example.org/x\n> b", "qqq"),
        ("> a\nanswer\n> b", "qnq"),
        (">>> Bob <bob@example.org> 02.03.26 10:15 >>>\ntext", "nn"),
        (">>> Bob <bob@example.org> 02.03.26\n10:15 >>>\ntext", "nnn"),
        (">>> Bob <bob@example.org> 02.03.26 10:15\n>>>\ntext", "nnn"),
        ("", "."),
    ],
)
def test_lines_by_themselves(text: str, expected: str) -> None:
    """Quote marks are not what an interpreter, a mailbox or GroupWise wrote."""
    assert marked(text) == expected


def test_runs_and_groups() -> None:
    """Blank lines part runs, not groups."""
    found = marks.by_themselves(["a", "", "b", "> c", "", "> d"])
    assert marks.runs(found, Mark.NEW) == [(0, 1), (2, 3)]
    assert marks.runs(found, Mark.QUOTED) == [(3, 4), (5, 6)]
    assert marks.groups(found) == [(0, 3), (3, 6)]
