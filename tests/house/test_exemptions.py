"""An exemption from a rule names the rule, and gives its reason in the same line."""

from __future__ import annotations

import re
import tokenize
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import modules

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXEMPTION = re.compile(
    r"#\s*(?:noqa|type:\s*ignore|pragma:|fmt:\s*(?:skip|off)|ruff:\s*noqa|mypy:|isort:)", re.IGNORECASE
)
_REASONED = re.compile(
    r"""\#\ (?:
        noqa:\ [A-Z]+[0-9]+(?:,\ ?[A-Z]+[0-9]+)*\ -\ \S.{3,}      # the reason follows a dash
        | type:\ ignore\[[a-z-]+(?:,\ ?[a-z-]+)*\]\ \ \#\ \S.{3,} # mypy wants a comment of its own
        | fmt:\ skip\ {1,2}\#\ \S.{3,}
    )""",
    re.VERBOSE,
)


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of each comment."""
    for token in tokenize.generate_tokens(StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def bare(text: str) -> list[str]:
    """The exemptions that name no rule, or give no reason."""
    return [
        f"{line} {comment}"
        for line, comment in comments(text)
        if _EXEMPTION.search(comment) and not _REASONED.search(comment)
    ]


def test_every_exemption_gives_its_reason() -> None:
    """`# noqa: CODE - reason`, `# type: ignore[code]  # reason`, `# fmt: skip  # reason`."""
    found = [f"{module.name}:{each}" for module in modules() for each in bare(module.text)]
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: E501",
        "# noqa: E501 -",
        "# type: ignore",
        "# type: ignore[misc]",
        "# type: ignore  # because it must be so",
        "# noqa: some words that are no code",
        "# fmt: skip",
        "# fmt: off",
    ],
)
def test_bare_exemptions_are_found(comment: str) -> None:
    """The check finds what the rule forbids."""
    assert bare(f"x = 1  {comment}\n")


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: E501 - a long word",
        "# noqa: A001, B002 - two in one",
        "# type: ignore[misc]  # Trac has no types",
        "# fmt: skip  # it is a table",
    ],
)
def test_reasoned_exemptions_pass(comment: str) -> None:
    """A code and a reason are enough."""
    assert not bare(f"x = 1  {comment}\n")
