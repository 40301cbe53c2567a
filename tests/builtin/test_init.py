"""A rule or a handler that is written is also listed; one that is not listed would never be asked."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import pytest

from trac_mailintake import builtin
from trac_mailintake.builtin import handlers

if TYPE_CHECKING:
    from types import ModuleType


def implementing(package: ModuleType, hook: str) -> set[str]:
    """The modules of a package's folder that implement the hook."""
    names = [f"{package.__name__}.{each.name}" for each in pkgutil.iter_modules(package.__path__)]
    return {name for name in names if hasattr(importlib.import_module(name), hook)}


@pytest.mark.parametrize(
    ("package", "hook", "table"),
    [
        (builtin, "mailintake_screen", builtin.SCREENS),
        (builtin, "mailintake_route", builtin.ROUTES),
        (builtin, "mailintake_change", builtin.AMENDMENTS),
        (handlers, "mailintake_handlers", handlers.HANDLERS),
    ],
)
def test_each_table_names_the_modules_that_implement_its_hook(
    package: ModuleType, hook: str, table: tuple[ModuleType, ...]
) -> None:
    """Once each, and no others."""
    names = [module.__name__ for module in table]
    assert sorted(names) == sorted(implementing(package, hook))


def test_no_rule_implements_a_hook_without_a_table() -> None:
    """Every hook of the built-in rules has its table."""
    tabled = {"mailintake_screen", "mailintake_route", "mailintake_change"}
    names = [f"{builtin.__name__}.{each.name}" for each in pkgutil.iter_modules(builtin.__path__)]
    hooks = {hook for name in names for hook in vars(importlib.import_module(name)) if hook.startswith("mailintake_")}
    assert hooks == tabled
