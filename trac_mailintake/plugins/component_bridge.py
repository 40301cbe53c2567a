"""A Trac component may be a plugin of mail intake, so that one file in an environment's `plugins/` is enough.

Trac logs a plugin that it cannot load, and goes on without it. Mail must not: the rule that is missing may be the one
that would have held it. So whatever can be seen of such a plugin is an error here (docs/hooks.md).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

from trac.core import ComponentMeta, Interface

from trac_mailintake.hookspecs import PROJECT
from trac_mailintake.intake.errors import Misconfiguration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from trac.env import Environment

_MARK = f"{PROJECT}_impl"
"""The attribute that `hookimpl` gives a function (pluggy)."""
_OURS = PROJECT.encode("ascii")
_TRACS_OWN = ("trac", "tracopt", PROJECT)
"""Packages of components that are no plugins of mail intake."""


class IMailintakePlugin(Interface):  # type: ignore[misc]  # Trac has no types
    """A component whose methods marked with `trac_mailintake.api.hookimpl` are hooks of mail intake.

    The interface itself has no methods. `docs/hooks.md` lists the hooks; implement only those that you need.
    """


@dataclass(frozen=True, slots=True)
class ComponentPlugins:
    """The components that are plugins and enabled in an environment. They are made when they are iterated over.

    Iterating raises Misconfiguration when one cannot be made, was not loaded, or would never be asked.
    """

    env: Environment

    def __iter__(self) -> Iterator[object]:
        """Each of them."""
        for path in _files(self.env):
            _check(path)
        ours = _implementing()
        for each in ComponentMeta._components:  # noqa: SLF001 - as Trac's own panel of plugins lists them
            if _has_hooks(each) and each not in ours and self.env.is_component_enabled(each):
                missing = "it has hooks, but no implements(IMailintakePlugin), so they would never be called"
                raise Misconfiguration(f"plugin {each.__module__}.{each.__qualname__}: {missing}")
        for each in ours:
            made = _made(self.env, each)
            if made is not None:
                yield made


def _implementing() -> Sequence[type]:
    """The classes that are plugins, enabled or not."""
    found: Sequence[type] = ComponentMeta._registry.get(IMailintakePlugin, ())  # noqa: SLF001 - with an ExtensionPoint nobody knows which of them fails
    return found


def _made(env: Environment, component: type) -> object | None:
    """The component; None when it is not enabled. Raises Misconfiguration."""
    try:
        made: object | None = env[component]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        failed = f"plugin {component.__module__}.{component.__qualname__} cannot be made"
        raise Misconfiguration(f"{failed}: {type(error).__name__}: {error}", failed) from error
    return made


def _has_hooks(component: type) -> bool:
    if component.__module__.partition(".")[0] in _TRACS_OWN:
        return False
    return any(_is_hook(each) for base in component.__mro__ for each in vars(base).values())


def _is_hook(thing: object) -> bool:
    return isinstance(thing, FunctionType) and hasattr(thing, _MARK)


def _files(env: Environment) -> Iterator[Path]:
    """The files with plugins of mail intake that Trac was to load for this environment.

    Those of its own folder are enabled unless [components] disables them, those of the shared folder the other way.
    """
    own = Path(env.plugins_dir)
    shared = env.shared_plugins_dir
    for folder in (own, Path(shared)) if shared else (own,):
        for path in sorted(folder.glob("*.py")):
            enabled = env.is_component_enabled(path.stem)
            if (enabled if enabled is not None else folder == own or _named(env, path.stem)) and _mentions_us(path):
                yield path


def _named(env: Environment, module: str) -> bool:
    """Whether [components] enables something of the module."""
    section = env.config["components"]
    return any(name.lower().startswith(f"{module.lower()}.") and section.getbool(name) for name, _ in section.options())


def _mentions_us(path: Path) -> bool:
    """Whether it may be a plugin of mail intake; also when it cannot be read, which is why Trac could not load it."""
    try:
        return _OURS in path.read_bytes()
    except OSError:
        return True


def _check(path: Path) -> None:
    """Raise Misconfiguration if the file was not loaded, or its hooks would never be called."""
    module = sys.modules.get(path.stem)
    if module is None:
        raise Misconfiguration(
            f"plugin {path} does not load, or came after this process had started. Trac's log says why. Fix it, remove"
            f" it, or set [components] {path.stem}.* = disabled"
        )
    if not _same(module, path):
        raise Misconfiguration(
            f"plugin {path} does not load: another module is called {path.stem}. Rename the file, or set [components]"
            f" {path.stem}.* = disabled"
        )
    for name, each in vars(module).items():
        if _is_hook(each):
            raise Misconfiguration(
                f"plugin {path}, {name}: in this folder only a component's methods are called. Make it a method of one"
                " that implements IMailintakePlugin, or install the module with an entry point"
            )


def _same(module: ModuleType, path: Path) -> bool:
    """Whether the module is this file, or a copy of it: Trac loads one of several environments' files of a name."""
    loaded = Path(getattr(module, "__file__", None) or "")
    try:
        return loaded.samefile(path) or loaded.read_bytes() == path.read_bytes()
    except OSError:
        return False
