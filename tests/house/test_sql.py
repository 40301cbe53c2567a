"""All the SQL is in `tracker/`, where the tables are known."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import modules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.house.tree import Module

_STATEMENT = re.compile(
    r"""\s*(?:
        SELECT\s.+\sFROM\s | SELECT\s+(?:1|COUNT|MAX|MIN|COALESCE) | INSERT\s+(?:OR\s+\w+\s+)?INTO\s | REPLACE\s+INTO\s
        | UPDATE\s+[\w{}]+\s+SET\s | DELETE\s+FROM\s
        | (?:CREATE|ALTER|DROP)\s+(?:UNIQUE\s+)?(?:TABLE|INDEX|SCHEMA)\s | WITH\s+\w+\s+AS\s*\(
        | BEGIN\s+(?:IMMEDIATE|EXCLUSIVE) | SAVEPOINT\s | RELEASE\s+SAVEPOINT\s | ROLLBACK\s+TO\s
    )""",
    re.VERBOSE | re.DOTALL,
)
_DATABASE = {"cursor", "db_query", "execute", "executemany"}


def docstrings(tree: ast.Module) -> set[ast.expr]:
    """The string expressions that stand alone: they say, and do nothing."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def written(node: ast.AST) -> str:
    """The text of a string, whatever is put into an f-string shown as {}."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(written(value) or "{}" for value in node.values)
    return ""


def statements(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and beginning of each string that is SQL."""
    idle = docstrings(tree)
    for node in ast.walk(tree):
        if node not in idle and _STATEMENT.match(text := written(node)):
            yield getattr(node, "lineno", 0), text[:60].strip()


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of each way into the database that is used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _DATABASE:
            yield node.lineno, node.attr


def elsewhere() -> list[Module]:
    """The package's modules where SQL has no business."""
    return [
        module
        for module in modules()
        if module.within("trac_mailintake") and not module.within("trac_mailintake/tracker")
    ]


def test_sql_is_written_in_tracker_only() -> None:
    """No string anywhere else is an SQL statement."""
    found = [f"{module.name}:{line} {text}" for module in elsewhere() for line, text in statements(module.tree)]
    assert not found, "\n".join(["", *found])


def test_the_database_is_asked_in_tracker_only() -> None:
    """Nobody else opens a query or a cursor."""
    found = [f"{module.name}:{line} {name}" for module in elsewhere() for line, name in calls(module.tree)]
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    "text",
    [
        'db("SELECT id FROM ticket")',
        'sql = f"SELECT {columns} FROM {table}"',
        'db("""\n    UPDATE ticket SET owner=%s""")',
        'db("INSERT INTO " + table)',
        'sql = "DELETE FROM ticket"',
        'db("BEGIN IMMEDIATE")',
    ],
)
def test_sql_is_recognised(text: str) -> None:
    """The check finds what the rule forbids."""
    assert list(statements(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    ['imap("SELECT INBOX")', '"""SELECT id FROM ticket"""', 'help = "Update the service"', 'help = "Select a service"'],
)
def test_words_are_no_sql(text: str) -> None:
    """IMAP has a SELECT too, and people say update."""
    assert not list(statements(ast.parse(text)))
