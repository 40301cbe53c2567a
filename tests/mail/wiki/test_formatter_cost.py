"""What a text costs Trac's formatter, in ratios: tests/security/test_burden.py measures it with Trac itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.wiki import formatter_cost

PROSE = "The printer in the hall on the second floor prints nothing since Monday.\n"
COSTLY = {
    "headings of one name": "= x =\n" * 5000,
    "marks": "[[x]] {{{y}}} '''z''' " * 5000,
    "addresses": "@" * 30_000,
    "quotes that deepen": "".join(f"{'>' * (each % 20)} x\n" for each in range(10_000)),
    "brackets that nobody closes": "[" * 20_000,
    "braces in a line": "{" * 20_000,
    "angles that nobody closes": "<a:" * 10_000,
    "blanks in a quote": f"> {' ' * 4000}\n" * 10,
    "tabs in a quote": f"> {chr(9) * 700}\n" * 10,
    "blanks in a line": f"{'x' * 200}{' ' * 8000}x",
    "blank lines": "x" + "\n" * 12_000,
    "a word": "word.-" * 1500,
    "dots and slashes": "./" * 1500,
    "a climb": "a" + "/." * 40 + "/",
}


@pytest.mark.parametrize("name", COSTLY)
def test_what_costs_too_much(name: str) -> None:
    """And the same as a block costs nearly nothing."""
    assert formatter_cost.heavy(COSTLY[name])
    assert not formatter_cost.heavy_markup(formatter_cost.verbatim(COSTLY[name]))


@pytest.mark.parametrize("times", [1, 10, 1000, 10_000])
def test_prose_does_not(times: int) -> None:
    """However long it is, and whoever quotes it."""
    assert not formatter_cost.heavy(PROSE * times)
    assert not formatter_cost.heavy(f"> {PROSE}" * times)


def test_what_is_in_blocks_of_ours_is_not_counted() -> None:
    """What stands around them is."""
    costly = COSTLY["marks"]
    assert not formatter_cost.heavy_markup(f"{PROSE}{{{{{{\n{costly}\n}}}}}}\n{PROSE}")
    assert formatter_cost.heavy_markup(f"{{{{{{\nx\n}}}}}}\n{costly}")
    assert formatter_cost.heavy_markup(costly)


@given(st.integers(0, 60), st.sampled_from([">", "> ", " >"]))
def test_at_most_twenty_quote_marks_are_markup(number: int, mark: str) -> None:
    """With some 450 of them Trac's page fails; a text with fewer stays as it is."""
    line = f"{mark * number} x"
    found = formatter_cost.shallow(line)
    assert found.partition(formatter_cost.MARK)[0].count(">") == min(number, formatter_cost.DEPTH)
    assert found.replace(formatter_cost.MARK, "") == line


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("{{{\ncode\n}}}\n" * 100, True),
        ("{{{#!div\n" * 20 + "x\n" + "}}}\n" * 20, True),
        ("{{{#!div\n" * 21 + "x\n" + "}}}\n" * 21, False),
        ("{{{ inline }}}\n" * 100, True),
        (COSTLY["a climb"], False),
        (COSTLY["headings of one name"], True),
    ],
)
def test_markup_of_senders_stays_unless_it_breaks_a_page(text: str, stays: bool) -> None:  # noqa: FBT001 - a row of the table
    """`text=wiki` is the administrator's wish, also if it is slow."""
    found = formatter_cost.bearable(text)
    assert found == (text if stays else formatter_cost.verbatim(text))


@given(st.lists(st.sampled_from(["{{{", "}}}", "  }}}", "{{{#!html", "#!html", "x", ""]), max_size=12).map("\n".join))
def test_nothing_gets_out_of_a_block(text: str) -> None:
    """It has one beginning and one end, whatever the text says; its letters are all there."""
    block = formatter_cost.verbatim(text)
    lines = block.splitlines()
    assert lines[:2] == ["{{{", "#!default"]
    assert lines[-1] == "}}}"
    assert not [line for line in lines[2:-1] if line.strip() == "}}}" or line.lstrip().startswith("{{{")]
    assert "\n".join(lines[2:-1]).replace(formatter_cost.MARK, "") == "\n".join(text.strip("\n").splitlines())
