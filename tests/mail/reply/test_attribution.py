"""Lines with which mail clients announce a quote."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mail.announcements import ANNOUNCEMENTS
from trac_mailintake.mail.reply import attribution, quoted_headers

HERE = [
    text
    for text in ANNOUNCEMENTS
    if not (quoted_headers.separates(line := attribution.bare(text)) or quoted_headers.heads([line], 0))
]
"""Those that are no header block and no line between two mails."""
SINGLE = [line for line in HERE if "\n" not in line]
PROSE = (
    "It works, thank you.",
    "On Monday our deploy script wrote:",
    "As he wrote: never mind.",
    "The meeting is on 2 Mar 2026 at 10:15",
    "Please write to ann@example.org",
    "see https://example.org/a:",
    "",
)


def found(text: str, *, quoted_next: bool = False) -> int:
    """How many lines at the end of a text announce."""
    lines = [attribution.bare(line) for line in text.split("\n")]
    announcement = attribution.announces(lines, len(lines) - 1, quoted_next=quoted_next)
    return announcement.count if announcement else 0


@pytest.mark.parametrize("announcement", HERE, ids=range(len(HERE)))
def test_announcements_are_recognised(announcement: str) -> None:
    """In many languages; when a quote mark follows in any case, and nothing of the text above is taken."""
    assert found(f"It works.\n\n{announcement}", quoted_next=True) == announcement.count("\n") + 1


@pytest.mark.parametrize("announcement", [line for line in SINGLE if len(line) > 60])
@pytest.mark.parametrize("width", [40, 60])
def test_a_wrapped_announcement_is_one(announcement: str, width: int) -> None:
    """At least its last lines; the paragraph above is none of it."""
    wrapped = textwrap.fill(announcement, width, break_on_hyphens=False)
    count = found(f"It works.\n\n{wrapped}", quoted_next=True)
    assert 1 <= count <= wrapped.count("\n") + 1


@pytest.mark.parametrize("line", PROSE)
def test_prose_announces_nothing(line: str) -> None:
    """Whatever stands above it."""
    assert found(f"Hello,\n{line}") == 0


@pytest.mark.parametrize(
    ("line", "quoted", "unquoted"),
    [
        ("Bob wrote:", 1, 0),
        ("Bob schrieb am 2. 3. 2026", 1, 0),
        ("On 2 Mar 2026 10:15, Bob <bob@example.org> wrote:", 1, 1),
        ("2026-03-02 10:15 GMT+01:00 Bob <bob@example.org>:", 1, 1),
        ("---- On Mon, 2 Mar 2026 Bob wrote ----", 1, 1),
        ("bob@example.org wrote:", 1, 0),
        ("x" * 600 + " wrote:", 0, 0),
        ("The following people, of whom there are many in our house, and each of them more than once, wrote:", 0, 0),
    ],
)
def test_less_evidence_is_needed_before_a_quote(line: str, quoted: int, unquoted: int) -> None:
    """A verb alone is enough only directly above a quote mark, in a short line."""
    assert (found(line, quoted_next=True), found(line)) == (quoted, unquoted)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("On Mon, 2 Mar 2026 at 10:15 Bob Example\n<bob@example.org> wrote:", 2),
        ("On Mon, 2 Mar 2026 at 10:15\nBob Example <\nbob@example.org> wrote:", 3),
        ("It works.\nOn Mon, 2 Mar 2026, Bob <bob@example.org> wrote:", 1),
        ("One.\n\n\n<bob@example.org> wrote:", 1),
    ],
)
def test_lines_that_were_broken_belong_together(text: str, count: int) -> None:
    """Up to the date and the address, but not a sentence above."""
    assert found(text, quoted_next=True) == count


@given(st.lists(st.sampled_from([*PROSE, *SINGLE[:20], "<", "> x", "-- ", "wrote:"]), min_size=1, max_size=12))
def test_no_more_lines_announce_than_there_are(lines: list[str]) -> None:
    """Five at most, blank ones in an address that was broken included."""
    for quoted_next in (True, False):
        assert 0 <= found("\n".join(lines), quoted_next=quoted_next) <= min(len(lines), 10)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("'''*  Hello_  *'''", "Hello"),
        ("\u200f> x\u202c", "> x"),
        ("Hello \\\\", "Hello"),
        ("***", "***"),
        ("", ""),
        ("x" * 1000, "x" * 500),
    ],
)
def test_a_bare_line(line: str, expected: str) -> None:
    """Without blanks, emphasis and direction marks around it; a line of nothing else stays."""
    assert attribution.bare(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("reply--- On Wed, Apr 4, 2012 at 3:59 PM, bob@example.com wrote:", len("reply")),
        ("Yes. On Wed, Apr 4, 2012 at 3:59 PM, bob@example.com wrote: ", len("Yes.")),
        ("On Wed, Apr 4, 2012 at 3:59 PM, bob@example.com wrote:", 0),
        ("> a On Wed, Apr 4, 2012 at 3:59 PM, bob@example.com wrote:", 0),
        ("On the other hand he wrote:", 0),
        ("reply On Wed, Apr 4, 2012", 0),
    ],
)
def test_an_announcement_that_shares_its_line(line: str, expected: int) -> None:
    """Where a line break got lost behind the answer."""
    assert attribution.shared(line) == expected


def test_groupwise_marks_its_announcement_like_a_quote() -> None:
    """What is typed at Python's prompt is none."""
    assert attribution.looks_quoted(">>> Bob Example <bob@example.org> 3/2/2026 10:15 AM >>>")
    assert attribution.looks_quoted(">>> On 3/2/2026 in message <1@x>, Bob wrote:")
    assert not attribution.looks_quoted(">>> print(1)")
    assert not attribution.looks_quoted("> On 3/2/2026 in message <1@x>, Bob wrote:")
