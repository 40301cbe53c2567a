"""Which tests `make quick` runs: those of modules that need neither a server nor an environment, and are not slow.

Nothing is listed by name: where a test is and what it asks for decide, and the mark `slow`. Tests by theme (crash,
security, ...) are left out: they put the whole product together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.mirror import PACKAGE, TESTS, modules, own_tests

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SERVERS: Final = frozenset({"dovecot", "plain_dovecot", "postgres", "mariadb", "_one_smtp_sink", "chromium", "site"})
"""Fixtures that start a server."""
ENVIRONMENTS: Final = frozenset({"sqlite_env", "postgres_env", "mariadb_env", "trac_env", "_sqlite_template"})
"""Fixtures that make an environment of Trac, which takes as long as a hundred tests of the core."""
DATABASES: Final = frozenset({"sqlite", "postgres", "mariadb"})
"""Parameters of tests that ask for the environment themselves."""
MARKS: Final = frozenset({"slow", "packaging", "crash"})


def is_of_modules(path: Path) -> bool:
    """Whether a test module is about modules of the package: in a folder that the package has, too, or at its top."""
    folder = path.relative_to(TESTS).parts[0]
    return (PACKAGE / folder).is_dir() or any(path in own_tests(each) for each in modules() if "/" not in each)


def needs(item: pytest.Item) -> frozenset[str]:
    """What keeps a test from being quick: its fixtures, its marks."""
    asked: list[str] = getattr(item, "fixturenames", [])
    marks = {mark.name for mark in item.iter_markers()}
    parameters = {str(each) for each in getattr(getattr(item, "callspec", None), "params", {}).values()}
    return ((SERVERS | ENVIRONMENTS) & {*asked, *parameters}) | (MARKS & marks) | (DATABASES & parameters)


def is_quick(item: pytest.Item) -> bool:
    """Whether a test is one of them."""
    return is_of_modules(item.path) and not needs(item)
