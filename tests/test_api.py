"""`trac_mailintake.api` is all that plugins need: what they are shown imports nothing else, and nothing is missing."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from trac.core import Component, ComponentManager, implements

from tests.builders import DELIVERY, MEMBER, message, service
from tests.fakes import FakeReader
from trac_mailintake import api, hookspecs
from trac_mailintake.plugins.component_bridge import ComponentPlugins
from trac_mailintake.plugins.hooks import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).parents[1]
EXAMPLES = sorted((TOP / "examples").rglob("*.py"))
PAGES = sorted([TOP / "README.md", *(TOP / "docs").glob("*.md"), *(TOP / "examples").rglob("*.md")])
PAGE = (TOP / "docs" / "hooks.md").read_text("utf-8")
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def docstring_example() -> str:
    """The plugin in the docstring of the module."""
    lines = str(api.__doc__).splitlines(keepends=True)
    return textwrap.dedent("".join(line for line in lines if line.startswith("    ") or line.isspace()))


# what plugin authors are shown


def shown() -> Iterator[tuple[str, str]]:
    """The code that authors of plugins copy from, each with where it is."""
    for path in EXAMPLES:
        yield path.name, path.read_text("utf-8")
    for path in PAGES:
        yield from ((path.name, block) for block in _BLOCK.findall(path.read_text("utf-8")))
    yield "api.py", docstring_example()


def imported(code: str) -> Iterator[str]:
    """The modules of ours that the code imports."""
    for node in ast.walk(ast.parse(code)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name for name in names if name.partition(".")[0] == "trac_mailintake")


def test_what_authors_are_shown_imports_the_api_and_nothing_else() -> None:
    """The examples, the code in all pages, and the docstring."""
    found = [(where, name) for where, code in shown() for name in imported(code)]
    assert [each for each in found if each[1] != "trac_mailintake.api"] == []
    assert {where for where, _ in found} == {"acme_incidents.py", "acme_intake.py", "hooks.md", "api.py"}


def test_the_page_names_no_other_module() -> None:
    """Not in its sentences either; files are named by their paths."""
    assert set(re.findall(r"trac_mailintake(?:\.\w+)+", PAGE)) == {"trac_mailintake.api"}


def test_the_page_explains_each_name_and_no_others() -> None:
    """In the table at its end. `name(…)` is a function of the API; `value.name(…)` is a method of one of its types."""
    table = PAGE.partition("\n## trac_mailintake.api\n")[2]
    explained = re.findall(r"`([A-Za-z_]\w*)(?![\w.])[^`]*`", table)
    assert set(explained) == set(api.__all__)


def test_the_docstring_is_a_plugin() -> None:
    """It holds invoices."""
    module: dict[str, type[Component]] = {}
    exec(compile(docstring_example(), "api.py", "exec"), module)  # noqa: S102 - the example is ours
    rules = Rules(FakeReader(), extra=(module["HoldInvoices"](ComponentManager()),), group="none")
    [objection] = rules.screen(message(subject="Your Invoice"), DELIVERY, service(), MEMBER)
    assert (type(objection), objection.rule) == (api.Hold, "acme-invoice")


# what they meet


def origins() -> Iterator[tuple[str, str]]:
    """Each name of the API with the module that defines it, and each hook."""
    for node in ast.parse(inspect.getsource(api)).body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("trac_mailintake"):
            yield from ((str(node.module), alias.name) for alias in node.names)
    yield from ((hookspecs.__name__, name) for name in vars(hookspecs) if name.startswith("mailintake_"))


def mentioned(module: str, name: str) -> set[str]:
    """The names of ours in the types of a definition: its fields, arguments, answers, or what it stands for."""
    tree = ast.parse(Path(str(sys.modules[module].__file__)).read_text("utf-8"))
    ours = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("trac_mailintake"):
            ours |= {alias.name for alias in node.names}
    types = [part for node in tree.body for part in _types(node, name)]
    return {node.id for part in types for node in ast.walk(part) if isinstance(node, ast.Name)} & ours


def _types(node: ast.stmt, name: str) -> Iterator[ast.expr]:
    """The types in a module's statement, if it defines `name`."""
    if isinstance(node, ast.Assign) and any(isinstance(each, ast.Name) and each.id == name for each in node.targets):
        yield node.value
    if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
        yield from getattr(node, "bases", ())
        for within in ast.walk(node):
            if isinstance(within, ast.AnnAssign | ast.arg) and within.annotation is not None:
                yield within.annotation
            elif isinstance(within, ast.FunctionDef) and within.returns is not None:
                yield within.returns


def test_a_plugin_is_given_nothing_whose_type_it_cannot_import() -> None:
    """From the hooks on, over all fields, arguments and answers."""
    lacking = {
        (name, each) for module, name in origins() for each in mentioned(module, name) if each not in api.__all__
    }
    assert lacking == set()


def test_all_that_is_imported_is_exported() -> None:
    """And the other way round."""
    assert sorted(api.__all__) == sorted(name for _, name in origins() if not name.startswith("mailintake_"))


# what it costs


def test_importing_it_loads_neither_rules_nor_sources() -> None:
    """A file in an environment's `plugins/` is imported by every process of Trac, and by an idle run."""
    program = "import sys; import trac.core; before = {*sys.modules}; import trac_mailintake.api; "
    program += "print(*{*sys.modules} - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = done.stdout.split()
    ours = {".".join(name.split(".")[1:2]) for name in loaded if name.startswith("trac_mailintake.")}
    assert ours == {"api", "hookspecs", "intake", "mail", "plugins"}
    assert [name for name in loaded if name.startswith("trac_mailintake.plugins.")] == [
        "trac_mailintake.plugins.component_bridge"
    ]
    theirs = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    assert theirs == {"pluggy", "regex", "trac_mailintake"}


# components


class Env(Component, ComponentManager):
    """As much of an environment as finds components."""

    plugins_dir = "/no/such/folder"
    shared_plugins_dir = ""

    def __init__(self) -> None:
        ComponentManager.__init__(self)
        self.off: tuple[type[Component], ...] = ()

    def is_component_enabled(self, cls: type[Component]) -> bool:
        """All of this module, but for those that are `off`."""
        return cls.__module__ == __name__ and cls not in self.off


class Enabled(Component):
    """A plugin."""

    implements(api.IMailintakePlugin)


class Disabled(Component):
    """Another one."""

    implements(api.IMailintakePlugin)


@pytest.mark.parametrize("off", [(), (Disabled,), (Enabled, Disabled)])
def test_the_enabled_components_are_plugins(off: tuple[type[Component], ...]) -> None:
    """Each environment says which, as of all components."""
    env = Env()
    env.off = off
    assert {type(plugin) for plugin in ComponentPlugins(env)} == {Enabled, Disabled} - set(off)
