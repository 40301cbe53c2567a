"""Imports stand at the top of a module. The few inside functions are listed here; each delays a large import."""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from tests.house.tree import modules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST: Final = 15
"""Imports inside functions."""

DOORS: Final[Mapping[str, str]] = {
    "components/commands.py": "Trac's start; actions of all commands",
    "components/run_commands.py": "cron; whether there is anything to do, and nothing else",
    "components/overdue_check.py": "a request; whether services are overdue",
    "components/cli/running/due.py": "an idle run; what takes mail",
    "components/notifications.py": "Trac's start; what Trac's notifications get from us",
    "components/web_ui.py": "Trac's start; views of all panels",
    "deliver.py": "the mail server, which is answered 75 when this import fails",
    "components/cli/output.py": "tqdm, for terminals alone",
    "mail/charsets.py": "chardet, for mail without an honest charset",
    "mail/html/to_wiki.py": "Genshi and html2text, for HTML alone",
    "plugins/registry.py": "importlib.metadata, which costs as much as all the rules",
    "runs/overdue_check.py": "what sends mail, when nothing is to be sent",
    "sources/imap/__init__.py": "IMAPClient, for IMAP alone",
    "sources/pop3/__init__.py": "poplib and its wire, for POP3 alone",
    "tracker/config/secrets.py": "cryptography, for passwords alone",
}
"""Modules below `trac_mailintake/` with one import inside a function, and what it keeps from whom."""


def inside(tree: ast.Module) -> Iterator[int]:
    """The lines of the imports that stand inside functions."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = {node for each in functions for node in ast.walk(each) if isinstance(node, ast.Import | ast.ImportFrom)}
    yield from sorted(node.lineno for node in found)


def places() -> Iterator[tuple[str, int]]:
    """Modules below `trac_mailintake/`, and the line of each import inside a function."""
    for module in modules():
        if module.within("trac_mailintake"):
            for line in inside(module.tree):
                yield module.name.removeprefix("trac_mailintake/"), line


def test_imports_stand_at_the_top() -> None:
    """Except for those in the list, and the list has no import that is gone."""
    found = list(places())
    unknown = [f"{name}:{line}" for name, line in found if name not in DOORS]
    assert not unknown, "\n".join(["", *unknown])
    assert Counter(name for name, _ in found) == dict.fromkeys(DOORS, 1)


def test_imports_inside_functions_are_few() -> None:
    """Before you add one, see whether the module can be imported through one in the list."""
    assert len(DOORS) <= MOST


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    import a",
        "def f():\n    from a import b",
        "async def f():\n    import a",
        "class C:\n    def f(self):\n        if x:\n            import a",
        "def f():\n    def g():\n        import a",
        "if TYPE_CHECKING:\n    import b\ndef f():\n    try:\n        import a\n    except ImportError:\n        pass",
    ],
)
def test_an_import_inside_a_function_is_found(text: str) -> None:
    """Once, however deep."""
    assert len(list(inside(ast.parse(text)))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "import a",
        "if TYPE_CHECKING:\n    import a",
        "try:\n    import a\nexcept ImportError:\n    a = None",
        "class C:\n    import a",
    ],
)
def test_an_import_that_runs_with_its_module_passes(text: str) -> None:
    """Optional ones and those for types, too."""
    assert not list(inside(ast.parse(text)))
