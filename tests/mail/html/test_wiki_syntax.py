"""Links, images and blocks of code, between marks that part them from the sender's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.html import wiki_syntax
from trac_mailintake.mail.marks import OWN, OWN_END, OWN_LINE, QUOTED, QUOTED_END
from trac_mailintake.mail.wiki.escape import MARK

URL = "https://x.example/a"


def shown(text: str) -> str:
    """With `«` and `»` for the marks around what is ours."""
    return text.replace(OWN, "«").replace(OWN_LINE, "«").replace(OWN_END, "»")


@pytest.mark.parametrize(
    ("url", "label", "before", "expected"),
    [
        (URL, "here", "", f"«[{URL} here]»"),
        (URL, "  here  and \n there ", "x", f"  «[{URL} here and there]»"),
        (URL, URL, "", URL),
        (URL + "/", "x.example/a", " ", URL + "/"),
        (URL, URL, "x", f"«[{URL} {URL}]»"),
        (URL, URL, "!", f"«[{URL} {URL}]»"),
        (URL, "", "", ""),
        (URL, "   ", "", "   "),
        ("", "text", "", "text"),
        ("tel:+49", "+49", "", "+49"),
        ("javascript:x", "click", "", "click"),
        ("mailto:ann@example.org", "ann@example.org", "", "ann@example.org"),
        ("mailto:ann@example.org", "Ann", "", "«[mailto:ann@example.org Ann]»"),
        ("mailto:ann@example.org", "Ann <b>", "", "Ann <b> (ann@example.org)"),
        ("mailto:ann@example.org", "<ann@example.org>", "", "<ann@example.org>"),
        (URL, "a]b", "", f'«[{URL} "a]b"]»'),
        (URL, '"a]b', "", f"«[{URL} '\"a]b']»"),
        (URL, "\"a]b'", "", f"«[{URL} \"ab']»"),
        (URL + "/ö b|c", "x", "", f"«[{URL}/ö%20b%7Cc x]»"),
        (URL, f"{OWN}[[Image(a.png)]]{OWN_END}", "", "«[[Image(a.png)]]»"),
        (URL, f"{OWN}'''{OWN_END}x{OWN}'''{OWN_END}", "", f"«[{URL} x]»"),
    ],
)
def test_links(url: str, label: str, before: str, expected: str) -> None:
    """A bare address where the label says the same; text where nobody would follow it, or where Trac would run it."""
    assert shown(wiki_syntax.linked(url, label, before)) == expected


@given(st.text(max_size=40), st.text("abc/:?#[]|<>\"' \u200b", max_size=20))
def test_a_link_has_one_end(label: str, path: str) -> None:
    """Nothing in its address or its label ends it before, or begins another one."""
    found = wiki_syntax.linked(f"http:{path}", label, "")
    for piece in wiki_syntax._PIECE.findall(found):
        link = piece.strip(OWN + OWN_END)
        address, _, words = link[1:-1].partition(" ")
        assert not set(address) & set('[]|<>"\u200b')
        assert "]" not in words or (words[0] == words[-1] and words[0] in "'\"")


def test_marks_of_quotes_stay_before_a_link() -> None:
    """They are about the line."""
    found = wiki_syntax.linked(URL, f"{QUOTED}here{QUOTED_END}", "")
    assert found == f"{QUOTED}{QUOTED_END}{OWN}[{URL} here]{OWN_END}"


@given(st.lists(st.sampled_from(["{{{", "}}}", " }}}", "#!html", "x", "", "{{{#!x", "a {{{"]), min_size=1, max_size=6))
def test_a_block_of_code_is_one(lines: list[str]) -> None:
    """No line in it opens or closes a block, and the first names no processor."""
    first, *middle, last = shown(wiki_syntax.block(lines, "  ")).split("\n")
    assert (first, last) == ("«  {{{»", "«  }}}»")
    assert [line[3:-1].removeprefix(MARK) for line in middle] == lines
    for number, line in enumerate(line[3:-1] for line in middle):
        assert line.strip() != "}}}"
        assert not line.strip().startswith("{{{")
        assert number or not line.strip().startswith("#!")


def test_an_image() -> None:
    """Attached, by its name."""
    assert shown(wiki_syntax.image("a b.png")) == "«[[Image(a b.png)]]»"
