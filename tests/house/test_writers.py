"""Each table has its writer: what may stand in it can be read in one module."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.house.test_sql import docstrings, written
from tests.house.tree import modules

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITERS: Final = {
    "mailintake_contact": ("tracker/people/contacts.py",),
    "mailintake_delivery": ("tracker/lifecycle/transitions.py",),
    "mailintake_mailbox": ("tracker/deliveries/ownership.py",),
    "mailintake_notice": ("tracker/outgoing/enqueue.py",),
    "mailintake_outbox": ("tracker/db/letters.py",),
    "mailintake_server": ("tracker/config/servers.py",),
    "{}": ("tracker/db/leased_queue.py", "tracker/config/servers.py"),
}
"""By table; `{}` is a table whose name is a value."""
_WRITES: Final = re.compile(
    r"\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|REPLACE\s+INTO|UPDATE|DELETE\s+FROM)\s+(mailintake_\w+|\{\})", re.IGNORECASE
)
_LEASED: Final = re.compile(r"\bfence\s*=\s*(?:fence\b|%s)", re.IGNORECASE)
"""A fencing number that is raised, or compared."""
_LEASES: Final = "trac_mailintake/tracker/db/lease.py"
_UPGRADES: Final = "trac_mailintake/tracker/db/upgrades"
_OWNED: Final = "LeasedQueue"


def writes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and table of each statement that writes, and of each queue that is made."""
    idle = docstrings(tree)
    for node in ast.walk(tree):
        if node not in idle:
            for table in _WRITES.findall(written(node)):
                yield getattr(node, "lineno", 0), table
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == _OWNED:
            yield node.lineno, written(node.args[0])


def fences(tree: ast.Module) -> Iterator[int]:
    """The line of each part of a statement that raises or compares a fencing number."""
    idle = docstrings(tree)
    for node in ast.walk(tree):
        if node not in idle and _LEASED.search(written(node)):
            yield getattr(node, "lineno", 0)


def test_each_table_is_written_by_its_module() -> None:
    """Nobody else writes into it, and no queue is made of somebody else's table."""
    found = [
        f"{module.name}:{line} {table}"
        for module in modules()
        if module.within("trac_mailintake") and not module.within(_UPGRADES)
        for line, table in writes(module.tree)
        if table in WRITERS and module.name.removeprefix("trac_mailintake/") not in WRITERS[table]
    ]
    assert not found, "\n".join(["", *found])


def test_each_writer_writes() -> None:
    """A module that moved, or writes no more, leaves the table."""
    found = {
        (table, module.name.removeprefix("trac_mailintake/"))
        for module in modules()
        if module.within("trac_mailintake")
        for _, table in writes(module.tree)
    }
    assert {(table, name) for table, names in WRITERS.items() for name in names} <= found


def test_leases_are_implemented_once() -> None:
    """How a worker takes a row, and whether it still has it, is said in one module for all tables."""
    found = [
        f"{module.name}:{line}"
        for module in modules()
        if module.within("trac_mailintake") and not module.within(_UPGRADES)
        for line in fences(module.tree)
    ]
    assert [each for each in found if not each.startswith(_LEASES)] == []
    assert found


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ('db("INSERT INTO mailintake_outbox (id) VALUES (1)")', "mailintake_outbox"),
        ('db(f"UPDATE mailintake_notice SET {names}")', "mailintake_notice"),
        ('db("""\n  DELETE   FROM mailintake_contact""")', "mailintake_contact"),
        ('db("delete from mailintake_contact")', "mailintake_contact"),
        ('db(f"UPDATE {table} SET x=1")', "{}"),
        ('X = LeasedQueue("mailintake_outbox", done="sent")', "mailintake_outbox"),
    ],
)
def test_a_write_is_recognised(text: str, table: str) -> None:
    """However it is written."""
    assert (1, table) in list(writes(ast.parse(text)))


@pytest.mark.parametrize("text", ['db("SELECT id FROM mailintake_outbox")', '"""UPDATE mailintake_outbox SET x"""'])
def test_what_only_reads_or_explains_passes(text: str) -> None:
    """Anybody may look."""
    assert not list(writes(ast.parse(text)))
