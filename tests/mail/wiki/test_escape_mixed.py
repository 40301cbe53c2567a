"""Text of strangers beside markup of ours, in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.wiki.escape import MARK
from trac_mailintake.mail.wiki.escape_mixed import mixed

LINK = '[mailto:x@people.example "{{{ code }}} [[http://evil.example/|label]]"]'


@pytest.mark.parametrize("behind", [" words", " @", " [[Macro]]", ""])
def test_code_that_nothing_of_ours_ends_is_none(behind: str) -> None:
    """Else it would end in the sender's text, and what follows there would be markup."""
    pieces = [("{{{", True), (LINK, True), *([(behind, False)] if behind else [])]
    assert "{{{[" not in mixed(pieces)


def test_code_that_ends_is_code() -> None:
    """Nothing is put into it."""
    assert mixed([("x ", False), ("{{{", True), ("y", False), ("}}}", True)]) == "x {{{y}}}"


WORDS = ("words", "#12", "!", "'", "=", "{", "[[x]]", "@a", "WikiWord", "`", "a@b.example", "http://x/", "|")
OURS = ("'''", "''", "__", "||", "[http://x.example/ y]")
LINES = st.lists(
    st.one_of(
        st.sampled_from(WORDS).map(lambda text: (text, False)), st.sampled_from(OURS).map(lambda text: (text, True))
    ),
    min_size=1,
    max_size=8,
)


@given(LINES)
def test_our_markup_is_whole_and_the_text_reads_the_same(line: list[tuple[str, bool]]) -> None:
    """Whatever stands beside it: pieces of ours are in their order, and every letter of the sender's is there."""
    pieces: list[tuple[str, bool]] = []
    for text, ours in line:
        if pieces and not ours and not pieces[-1][1]:
            pieces[-1] = (pieces[-1][0] + text, False)
        else:
            pieces.append((text, ours))
    found = mixed(pieces)
    position = 0
    for piece, ours in pieces:
        if ours:
            assert piece in found[position:], found
            position = found.index(piece, position) + len(piece)
    bare = found.replace(MARK, "").replace("{{{`}}}", "`").replace("!", "")
    assert bare == "".join(piece for piece, _ in pieces).replace("!", "")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([("a!", False), ("'''", True)], f"a!{MARK}'''"),
        ([("'", False), ("'''", True), ("x", False)], f"'{MARK}'''x"),
        ([("''", True), ("'x", False)], f"''{MARK}'x"),
        ([("''", True), ("''", True)], f"''{MARK}''"),
        ([("#12 ", False), ("'''", True)], "!#12 '''"),
        ([("see ", False), ("[http://x.example/ y]", True)], "see [http://x.example/ y]"),
        ([("[http://x.example/", False), ("'''", True), (" y]", False)], f"[{MARK}http://x.example/''' y]"),
        ([("`", False), ("'''", True), ("`", False)], "{{{`}}}'''`"),
        ([("WikiWord", False)], "!WikiWord"),
        ([("=", False), ("||", True)], f"={MARK}||"),
    ],
)
def test_where_text_and_markup_meet(pieces: list[tuple[str, bool]], expected: str) -> None:
    """Nothing of ours is doubled, escaped or taken into a link or code of the sender's."""
    assert mixed(pieces) == expected
