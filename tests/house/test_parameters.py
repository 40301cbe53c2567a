"""Parameters of a service are read past their types nowhere: through a policy, or through a method of `Values`."""

from __future__ import annotations

import ast
from dataclasses import fields
from typing import TYPE_CHECKING, Final

import pytest

from tests.house.tree import modules
from trac_mailintake.intake.settings.policies import POLICIES

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPED: Final = frozenset({"text", "flag", "number", "words"})
"""The methods of `Values`."""
SETTINGS: Final = "trac_mailintake/intake/settings"


def of_policies() -> set[str]:
    """The parameters that are fields of a policy."""
    return {field.name for policy in POLICIES.values() for field in fields(policy)}


def constant(node: ast.expr) -> str:
    """The text of a string; "" for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def declared(tree: ast.Module) -> Iterator[str]:
    """The names of the parameters that a module makes."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="Parameter"), args=[ast.Constant(value=str(name)), *_]):
                yield name


def reads(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Line, name and means of everything that is read by a name: `values` stands for the mapping itself."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="values"), slice=name):
                yield node.lineno, constant(name), "values"
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="values"), attr="get"), args=[name, *_]):
                yield node.lineno, constant(name), "values"
            case ast.Call(func=ast.Attribute(attr=method), args=[name, *_]) if method in _TYPED:
                yield node.lineno, constant(name), method


def untyped(tree: ast.Module, known: set[str]) -> list[str]:
    """The places that read one of the parameters `known` without its type, or one of a policy by its name."""
    ours = of_policies()
    return [
        f"{line} {name}" for line, name, means in reads(tree) if name in ours or (means == "values" and name in known)
    ]


def test_parameters_are_read_with_their_types() -> None:
    """Only where settings are read: everywhere else a service has policies, and rules have the methods of `Values`."""
    package = [module for module in modules() if module.within("trac_mailintake")]
    known = {name for module in package for name in declared(module.tree)} | of_policies()
    found = [
        f"{module.name}:{each}"
        for module in package
        if not module.within(SETTINGS)
        for each in untyped(module.tree, known)
    ]
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    "text",
    [
        'service.parameters.values.get("bulk")',
        'parameters.values.get("bulk") == "forward"',
        'x = context.service.parameters.values["splitregex"]',
        'service.parameters.values.get("splitregex", "")',
        'context.service.parameters.flag("require_auth")',
    ],
)
def test_untyped_reads_are_found(text: str) -> None:
    """The check finds what the rule forbids."""
    assert untyped(ast.parse(text), {"bulk", "splitregex"})


@pytest.mark.parametrize(
    "text",
    ['event.values.get("ORGANIZER")', 'context.service.parameters.text("splitregex")', "service.rates.rate_sender"],
)
def test_typed_reads_pass(text: str) -> None:
    """Other mappings are called `values` too; a rule reads its own parameters by name and type."""
    assert not untyped(ast.parse(text), {"bulk", "splitregex"})
