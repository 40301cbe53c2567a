"""Components of an environment as plugins: whatever would never be asked is an error, and never silence."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Final

import pytest
from trac.core import ComponentMeta

from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.plugins.component_bridge import ComponentPlugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

PLUGIN: Final = """
from trac.core import Component, implements
from trac_mailintake.api import IMailintakePlugin, hookimpl

class Invoices(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_screen(self, message):
        return None
"""
FAILING: Final = PLUGIN + "\n    def __init__(self):\n        raise ImportError('no printer')\n"
FORGETFUL: Final = PLUGIN.replace("    implements(IMailintakePlugin)\n", "")
BARE: Final = "from trac_mailintake.api import hookimpl\n@hookimpl\ndef mailintake_screen(message):\n    return None\n"
BROKEN: Final = "import trac_mailintake\nthis is no Python\n"


@pytest.fixture
def install(sqlite_env: TracEnv) -> Iterator[Callable[[str, str], ComponentPlugins]]:
    """Puts a file into the environment's plugins, opens the environment, and gives its plugins."""
    before = ({key: list(each) for key, each in ComponentMeta._registry.items()}, list(ComponentMeta._components))
    names = []

    def put(name: str, text: str) -> ComponentPlugins:
        folder = sqlite_env.path / "plugins"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        names.append(name)
        return ComponentPlugins(sqlite_env.reopen())

    yield put
    for name in names:
        sys.modules.pop(name, None)
    ComponentMeta._registry.clear()
    ComponentMeta._registry.update(before[0])
    ComponentMeta._components[:] = before[1]


def test_a_component_is_a_plugin(install: Callable[[str, str], ComponentPlugins]) -> None:
    """Made anew for its environment; nothing else is one."""
    [made] = install("bridge_good", PLUGIN)
    assert type(made).__name__ == "Invoices"
    assert type(made).__module__ == "bridge_good"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (FAILING, "plugin bridge_bad.Invoices cannot be made: ImportError: no printer"),
        (FORGETFUL, "plugin bridge_bad.Invoices: it has hooks, but no implements"),
        (BARE, "mailintake_screen: in this folder only a component's methods are called"),
        (BROKEN, "bridge_bad.py does not load, or came after this process had started"),
    ],
)
def test_what_would_never_be_asked_is_an_error(
    install: Callable[[str, str], ComponentPlugins], text: str, sentence: str
) -> None:
    """The rule that is missing may be the one that would have held the mail."""
    plugins = install("bridge_bad", text)
    with pytest.raises(Misconfiguration) as caught:
        list(plugins)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("text", [FAILING, BROKEN])
def test_what_is_disabled_is_left_alone(
    install: Callable[[str, str], ComponentPlugins], sqlite_env: TracEnv, text: str
) -> None:
    """As the errors say that one may do."""
    install("bridge_off", text)
    sqlite_env.set(("components", "bridge_off.*", "disabled"))
    assert list(ComponentPlugins(sqlite_env.env)) == []


def test_a_file_that_is_no_plugin_of_ours_may_be_broken(install: Callable[[str, str], ComponentPlugins]) -> None:
    """Trac goes on without it, and so do we."""
    assert list(install("bridge_other", "this is no Python\n")) == []


def test_a_file_that_another_module_hides_is_told(install: Callable[[str, str], ComponentPlugins]) -> None:
    """Trac would have loaded the other one."""
    sys.modules["bridge_hidden"] = ModuleType("bridge_hidden")
    plugins = install("bridge_hidden", PLUGIN)
    sys.modules["bridge_hidden"] = ModuleType("bridge_hidden")
    with pytest.raises(Misconfiguration, match="another module is called bridge_hidden"):
        list(plugins)


def test_a_shared_folder_counts_if_somebody_enables_it(
    install: Callable[[str, str], ComponentPlugins], sqlite_env: TracEnv, tmp_path: Path
) -> None:
    """[inherit] plugins_dir: other environments' plugins are there, too."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "bridge_shared.py").write_text(BROKEN, encoding="utf-8")
    sqlite_env.set(("inherit", "plugins_dir", str(shared)))
    assert list(install("bridge_mine", "x = 1\n")) == []
    sqlite_env.set(("components", "bridge_shared.rule", "enabled"))
    with pytest.raises(Misconfiguration, match=r"bridge_shared\.py does not load"):
        list(ComponentPlugins(sqlite_env.env))
