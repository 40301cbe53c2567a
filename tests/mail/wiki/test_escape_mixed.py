"""Text of strangers beside markup of ours, in one line."""

from __future__ import annotations

import pytest

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
