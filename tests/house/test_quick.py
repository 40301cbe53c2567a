"""`make quick` has all that it can have: nobody takes a module's tests out of it by moving them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from tests.mirror import TESTS, modules, own_tests
from tests.quick import is_of_modules, is_quick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWN = TESTS / "mail" / "test_parse.py"


@dataclass
class Item:
    """A test as pytest collects it."""

    path: Path = OWN
    fixturenames: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    params: dict[str, object] = field(default_factory=dict)

    @property
    def callspec(self) -> SimpleNamespace:
        """The parameters of this case."""
        return SimpleNamespace(params=self.params)

    def iter_markers(self) -> Iterator[SimpleNamespace]:
        """Its marks, those of its module included."""
        return (SimpleNamespace(name=name) for name in self.marks)


def test_the_own_tests_of_every_module_may_be_quick() -> None:
    """They are where `make quick` looks; tests by theme are not."""
    assert [path for module in modules() for path in own_tests(module) if not is_of_modules(path)] == []
    themes = ("crash/test_matrix.py", "security/test_growth.py", "house/test_quick.py", "test_threads.py")
    assert [name for name in themes if is_of_modules(TESTS / name)] == []


@pytest.mark.parametrize(
    ("item", "quick"),
    [
        (Item(), True),
        (Item(fixturenames=("tmp_path", "caplog"), params={"size": 3}), True),
        (Item(fixturenames=("place", "dovecot")), False),
        (Item(fixturenames=("sqlite_env",)), False),
        (Item(fixturenames=("tracd", "site")), False),
        (Item(marks=("parametrize", "slow")), False),
        (Item(params={"database": "postgres"}), False),
        (Item(params={"fixture": "mariadb_env"}), False),
        (Item(path=TESTS / "crash" / "test_matrix.py"), False),
    ],
)
def test_what_a_test_asks_for_decides(item: Item, quick: bool) -> None:  # noqa: FBT001 - a row of the table
    """Servers, environments, databases and the mark `slow` keep it out; nothing else does."""
    assert is_quick(cast("pytest.Item", item)) is quick
