"""Lines of wiki text that are complete: the sender's text is escaped in its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.html import wiki_lines
from trac_mailintake.mail.html.wiki_syntax import begun, own
from trac_mailintake.mail.marks import OWN, OWN_END, OWN_LINE, QUOTED, QUOTED_END
from trac_mailintake.mail.wiki.escape import MARK


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("words", "words"),
        ("#12 [[x]]", "!#12 ![[x]]"),
        ("= x =", f"{MARK}= x ="),
        (f"{begun('== ')}#12{own(' ==')}", "== !#12 =="),
        (f"{begun(' * ')}= x =", " * = x ="),
        (f"a{own(chr(39) * 3)}b{own(chr(39) * 3)}", "a'''b'''"),
        (f"x{begun('== ')}y", "x== y"),
        (f"{OWN}{OWN_LINE}x{OWN_END}y{OWN_END}", "xy"),
        (f"{OWN}{{{{{{{OWN_END}{OWN}}}}}}}{OWN_END}x", "x"),
        ("> a:: b", f"> a:{MARK}: b"),
        ("> > #12", "> > !#12"),
        (f"{begun('')}{own('||')}a{own('||')}", "||a||"),
        (f"{begun('')}a", "a"),
        (f"{begun('   ')}", ""),
        (f"{begun('   ')}a", f"   {MARK}a"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("> a\n>\n> b\n>\nc", "> a\n>\n> b\nc"),
        (">\n>\n> a", "> a"),
        ("\u05e9\u05dc\u05d5\u05dd.", "\u05e9\u05dc\u05d5\u05dd.\u200f"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
    ],
)
def test_finished_lines(written: str, expected: str) -> None:
    """What is ours stays, what is the sender's reads the same; what should begin a line and does not is text."""
    assert wiki_lines.finished(written) == expected


@pytest.mark.parametrize("mark", [QUOTED, QUOTED_END])
def test_marks_of_quotes_stand_at_the_ends_of_a_line(mark: str) -> None:
    """Lines are quoted as a whole; a blank line may have one."""
    assert wiki_lines.finished(f"a{mark}b c") == f"ab c{mark}"
    assert wiki_lines.finished(f"{mark}a #12") == f"{mark}a !#12"
    assert wiki_lines.finished(f"a\n\n{mark}\n\nb") == f"a\n\n{mark}b"


@pytest.mark.parametrize(
    ("line", "dense"),
    [
        ("word " * 300, False),
        ("[" * 300, False),
        ("[ " * 600, True),
        ("x" * 1001, True),
        (f"{own('[')} word " * 300, False),
    ],
)
def test_a_dense_line_is_recognised(line: str, dense: bool) -> None:  # noqa: FBT001 - a row of the table
    """A long one with brackets or without blanks; what is ours does not count."""
    assert wiki_lines.dense(line) is dense


PIECES = st.sampled_from(
    [
        *("words", "#12", "[[x]]", "> ", "\n", "= ", "{{{", "::", " ", OWN, OWN_LINE, OWN_END, QUOTED, QUOTED_END),
        *(own("'''"), begun(" * "), begun("=="), own("||"), "!", "\u05e9"),
    ]
)


@given(st.lists(PIECES, max_size=20).map("".join))
def test_no_marks_of_ours_are_left(written: str) -> None:
    """However they are put together; what cannot be paired is text of the sender's."""
    found = wiki_lines.finished(written)
    assert not set(found) & {OWN, OWN_LINE, OWN_END}
    assert found.count("12") == written.count("12")
