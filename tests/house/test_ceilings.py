"""How long a function and a module may be."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.house.tree import modules

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTION = 40
MODULE = 400


def functions() -> Iterator[tuple[str, int]]:
    """Where each function is, and its length in lines, from `def` to its end."""
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module.name}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_no_function_is_longer_than_a_screen() -> None:
    """A function has at most 40 lines."""
    long = [f"{place}: {length} lines" for place, length in functions() if length > FUNCTION]
    assert not long, "\n".join(["", *long])


def test_no_module_is_longer_than_a_sitting() -> None:
    """A module has at most 400 lines."""
    long = [f"{module.name}: {lines} lines" for module in modules() if (lines := module.text.count("\n")) > MODULE]
    assert not long, "\n".join(["", *long])
