"""`docs/security.md` names tests that are there, and all of those in this folder."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs" / "security.md").read_text("utf-8")
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| who", "| ---", "| threat"))
]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def in_module(path: Path) -> set[str]:
    """The tests of a module."""
    tree = ast.parse(path.read_text("utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")}


def test_each_threat_names_a_test() -> None:
    """But for the table of who might attack."""
    threats = [row for row in ROWS if row in PAGE[PAGE.index("## A sender") :]]
    assert len(threats) > 35
    assert [row for row in threats if not NAMED.search(row.rpartition(" | ")[2])] == []


def test_each_test_that_is_named_is_there() -> None:
    """A module with tests in it, or one test of a module."""
    missing = []
    for module, name in NAMED.findall(PAGE):
        tests = in_module(TOP / module) if (TOP / module).is_file() else set()
        if not tests or (name and name not in tests):
            missing.append(f"{module}::{name}")
    assert missing == []
    assert PAGE.count("`tests/") == len(NAMED.findall(PAGE)) + 1, "`tests/security` alone is no test"


def test_each_test_of_this_folder_is_named() -> None:
    """What is tried against us is told."""
    named = {name for _, name in NAMED.findall(PAGE)}
    modules = [path for path in Path(__file__).parent.glob("test_*.py") if path.name != Path(__file__).name]
    assert modules
    assert [name for path in modules for name in sorted(in_module(path)) if name not in named] == []
