"""How many decisions a function may have (McCabe), as radon counts them: with comprehensions, `and` and `or`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from radon.complexity import cc_visit
from radon.visitors import Function

from tests.house.tree import modules

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST: Final = 10
EXEMPT: Final = 10
"""Functions that may have more, each with its reason: `def f() -> None:  # radon: 12 - a table reads better`."""
_REASON: Final = re.compile(r"# radon: (?P<number>\d+) - \S.{9,}")


@dataclass(frozen=True, slots=True)
class Counted:
    """A function, its complexity, and the complexity that its first line allows it (0: as all others)."""

    name: str
    line: int
    complexity: int
    allowed: int

    def __str__(self) -> str:
        return f"{self.name} (line {self.line}): {self.complexity}"


def counted(name: str, text: str) -> Iterator[Counted]:
    """The functions and methods of a module."""
    lines = text.splitlines()
    for block in cc_visit(text):
        if isinstance(block, Function):
            reason = _REASON.search(lines[block.lineno - 1])
            allowed = int(reason["number"]) if reason else 0
            yield Counted(f"{name}:{block.name}", block.lineno, block.complexity, allowed)


@pytest.fixture(scope="module")
def product() -> list[Counted]:
    """All functions of the package."""
    return [
        each for module in modules() if module.within("trac_mailintake") for each in counted(module.name, module.text)
    ]


def test_every_function_can_be_held_in_mind(product: list[Counted]) -> None:
    """At most 10 decisions, but for the exemptions."""
    complex_ = [each for each in product if each.complexity > max(MOST, each.allowed)]
    assert not complex_, "\n".join(["", *map(str, complex_)])


def test_exemptions_are_few_and_needed(product: list[Counted]) -> None:
    """Not more than ten, and none for a function that has become simpler."""
    exempt = [each for each in product if each.allowed]
    assert len(exempt) <= EXEMPT
    assert [str(each) for each in exempt if each.complexity <= MOST or each.complexity < each.allowed] == []


@pytest.mark.parametrize(
    ("body", "complexity"),
    [
        ("return a", 1),
        ("return a if a and b else c", 3),
        ("return [each for each in a if each]", 3),
        ("return [x for a in b for x in a if x or not x]", 5),
        ("if a:\n        return b\n    return c", 2),
    ],
)
def test_decisions_in_expressions_count(body: str, complexity: int) -> None:
    """Comprehensions, conditions and Boolean operators hide nothing."""
    [found] = counted("m.py", f"def f(a, b, c):\n    {body}\n")
    assert found.complexity == complexity


def test_an_exemption_is_read_from_the_line() -> None:
    """It says how much is allowed, and why; without a reason it is none."""
    body = "\n    return [x for x in range(9) if x or not x]\n"
    names = ("def f():  # radon: 12 - the table reads better", "def g():  # radon: 12", "def h():  # radon: 12 - no")
    assert [each.allowed for name in names for each in counted("m.py", name + body)] == [12, 0, 0]
