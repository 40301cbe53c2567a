"""Tests say where to look: each module has its own tests, at the same place below `tests/`."""

from __future__ import annotations

import pytest

from tests import mirror

MOST_WITHOUT = 20


def test_each_module_has_its_own_tests() -> None:
    """Or stands in `WITHOUT_OWN_TESTS` with its reason; `tests/mirror.py` has the list."""
    alone = [
        f"{module}: {mirror.wanted(module).relative_to(mirror.ROOT)} is missing"
        for module in mirror.modules()
        if not mirror.own_tests(module) and module not in mirror.WITHOUT_OWN_TESTS
    ]
    assert not alone, "\n".join(["", *alone])


def test_the_list_of_those_without_is_short_and_true() -> None:
    """Each is there, has no tests of its own, and has a reason."""
    listed = mirror.WITHOUT_OWN_TESTS
    assert len(listed) <= MOST_WITHOUT
    assert [name for name in listed if name not in mirror.modules()] == []
    assert [name for name in listed if mirror.own_tests(name)] == []
    assert all(len(reason.split()) > 2 for reason in listed.values()), listed


@pytest.mark.parametrize(
    ("module", "place"),
    [
        ("mail/mime/scanner.py", "tests/mail/mime/test_scanner.py"),
        ("api.py", "tests/test_api.py"),
        ("sources/imap/__init__.py", "tests/sources/imap/test_init.py"),
    ],
)
def test_where_a_module_has_its_tests(module: str, place: str) -> None:
    """At the same path; those of a package's own functions are called `test_init.py`."""
    assert mirror.wanted(module) == mirror.ROOT / place


def test_a_longer_name_is_another_modules() -> None:
    """`test_escape_mixed.py` is not about `escape.py`."""
    assert [path.name for path in mirror.own_tests("mail/wiki/escape.py")] == ["test_escape.py"]
    assert [path.name for path in mirror.own_tests("mail/wiki/escape_mixed.py")] == ["test_escape_mixed.py"]
