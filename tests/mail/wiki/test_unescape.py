"""What stands in a notification is what the sender wrote."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trac_mailintake.mail.wiki.escape import broken, neutral
from trac_mailintake.mail.wiki.formatter_cost import verbatim
from trac_mailintake.mail.wiki.unescape import unescaped

PIECES = st.sampled_from(
    (
        *("CamelCase", "#12", "{{{", "}}}", "{{{code}}}", "`x`", "'''", "**", "__", "[[Macro(x)]]", "[wiki:X y]"),
        *("http://example.org/#12!CamelCase", "ann@example.org", "!", "!!", " ", "* ", "- ", "1. ", "= ", "----", "||"),
        *("\n", "\n\n", "> ", "    ", "word", "é", "r12", "{12}", "[12]", "ticket:1", "\\\\x", "::", "^", "~~", "a/B"),
    )
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@given(TEXTS)
@example("please see CamelCase and {{{code}}} and #1.\n\n* one\n* two\n")
@example("> }}}")
@example("!CamelCase !!#1 !{12}\n    indented #3\n")
@settings(max_examples=500, deadline=None)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    """Whatever markup it looks like; also where Trac joins lines."""
    plain = "\n".join(map(str.rstrip, text.splitlines()))
    for written in (neutral(text), broken(neutral(text))):
        assert unescaped(written).rstrip() == plain.rstrip()
    assert unescaped(verbatim(text)).strip("\n") == "\n".join(text.splitlines()).strip("\n")


@pytest.mark.parametrize("text", ["No markup! At all!\r\n", "Wow!\n", "", "a\u00a0b"])
def test_what_has_no_escape_stays(text: str) -> None:
    """With its line ends."""
    assert unescaped(text) == text


def test_code_stays_as_it_is() -> None:
    """Only its fences go."""
    assert unescaped("{{{\n!CamelCase\n}}}\n!CamelCase\n") == "!CamelCase\nCamelCase\n"
