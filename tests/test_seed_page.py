"""Each row of `docs/seed.md` names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
PAGE = (TOP / "docs" / "seed.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| JIRA", "| ---"))]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def in_module(path: Path) -> set[str]:
    """The tests of a module."""
    return {
        node.name
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_each_row_names_a_test() -> None:
    """A promise that nothing shows is none."""
    assert len(ROWS) > 50
    assert [row for row in ROWS if not NAMED.search(row.rpartition(" | ")[2])] == []


def test_each_test_that_is_named_is_there() -> None:
    """A module with tests in it, or one test of a module."""
    missing = []
    for module, name in NAMED.findall(PAGE):
        path = TOP / module
        tests = in_module(path) if path.is_file() else set()
        if not tests or (name and name not in tests):
            missing.append(f"{module}::{name}")
    assert missing == []


def test_what_looks_like_a_test_is_one() -> None:
    """No name is written so that nobody looks for it."""
    assert PAGE.count("`tests/") == len(NAMED.findall(PAGE))
