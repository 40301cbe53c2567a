"""What the product imports and what `setup.cfg` requires is the same."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.test_layout import settings
from tests.house.tree import modules

if TYPE_CHECKING:
    from collections.abc import Iterator


def imported(tree: ast.Module) -> Iterator[str]:
    """The first word of everything that a module imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def used() -> set[str]:
    """The distributions that the product imports."""
    known = packages_distributions()
    names = {name for module in modules() if module.within("trac_mailintake") for name in imported(module.tree)}
    foreign = names - sys.stdlib_module_names - {"trac_mailintake"}
    return {canonicalize_name(distribution) for name in foreign for distribution in known.get(name, [f"? {name}"])}


def required() -> set[str]:
    """The distributions that come with the product."""
    lines = settings()["options"]["install_requires"].splitlines()
    return {canonicalize_name(Requirement(line).name) for line in lines if line.strip()}


def optional() -> set[str]:
    """The distributions that an administrator may add, other than for tests."""
    extras = settings()["options.extras_require"]
    lines = [line for extra in extras if extra != "test" for line in extras[extra].splitlines()]
    return {canonicalize_name(Requirement(line).name) for line in lines if line.strip()}


def test_everything_that_is_imported_is_required() -> None:
    """Nothing works only because another package happens to bring it; what is optional is an extra."""
    assert used() - required() - optional() == set()


def test_everything_that_is_required_is_imported() -> None:
    """Nobody installs what is not used."""
    assert required() - used() == set()
