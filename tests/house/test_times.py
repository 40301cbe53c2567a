"""Fields and arguments that are times say their unit by their type: `Microseconds` or `Seconds`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

import pytest

from tests.house.tree import modules
from trac_mailintake.tracker.db.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES: Final = frozenset({"size", "archive_offset", "archive_length"})
"""The columns of 64 bits that are not times."""
COLUMNS: Final = frozenset(
    column.name for table in SCHEMA for column in table.columns if column.type == "int64" and column.name not in SIZES
)
NAMES: Final = COLUMNS | {"moment", "patience", "seconds", "since", "timeout", "until", "wait"}
MEANT_OTHERWISE: Final = {
    ("trac_mailintake/tracker/outgoing/outbox.py", "sent"): "a number of messages",
    ("trac_mailintake/tracker/outgoing/outbox.py", "failed"): "likewise",
    ("trac_mailintake/sources/imap/session.py", "timeout"): "a method of imaplib's has this argument",
    ("trac_mailintake/sources/pop3/session.py", "timeout"): "a method of poplib's has this argument",
}


def bare(tree: ast.Module) -> Iterator[str]:
    """The names of fields and arguments that look like times, and are plain numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            name = node.arg if isinstance(node, ast.arg) else getattr(node.target, "id", "")
            types = {part.id for part in ast.walk(node.annotation) if isinstance(part, ast.Name)}
            if name in NAMES and types & {"int", "float"}:
                yield name


def test_no_time_is_a_plain_number() -> None:
    """A type checker compares types only where there are some."""
    found = {(each.name, name) for each in modules() if each.within("trac_mailintake") for name in bare(each.tree)}
    assert found == MEANT_OTHERWISE.keys()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("class Row:\n    lease: int", ["lease"]),
        ("class Row:\n    retry_at: int | None = None", ["retry_at"]),
        ("def within(*, seconds: float = 1.0): ...", ["seconds"]),
        ("class Row:\n    lease: Microseconds\n    size: int", []),
        ("def run(until: Seconds | None, since: datetime): ...", []),
    ],
)
def test_plain_numbers_are_noticed(code: str, found: list[str]) -> None:
    """In fields and arguments, optional or not."""
    assert list(bare(ast.parse(code))) == found
