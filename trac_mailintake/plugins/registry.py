"""Finds, loads and validates the plugins of one environment, including the product's own.

tracd serves several environments in one process, so each environment has a registry of its own.
It fails closed: if a plugin does not load or is written wrongly, there is no registry.
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import TYPE_CHECKING, Final, Protocol

import pluggy

from trac_mailintake import builtin, hookspecs
from trac_mailintake.builtin import handlers
from trac_mailintake.hookspecs import PROJECT, Handler
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.settings import Parameter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from trac_mailintake.hookspecs import SourceKind

BUILTIN: Final = tuple(dict.fromkeys((*builtin.SCREENS, *builtin.ROUTES, *builtin.AMENDMENTS, *handlers.HANDLERS)))
"""The product's own plugins except its sources, which `bootstrap` adds."""
GROUP: Final = "trac_mailintake"
"""The entry point group of installed plugins."""
_GONE: Final = (
    "plugin {short} was there and does not load now, or came after this process had started. Trac's log may say why."
    " Put it back; or if mail may be taken without it, type: trac-admin ENV mailintake plugin forget {short}"
)
PREFIX: Final = "mailintake_"
AMENDING: Final = "mailintake_change"
"""The only hook that may be wrapped, and must be: a wrapper of another hook could revoke an objection."""


class Known(Protocol):
    """What is remembered of the plugins of an environment: `tracker.config.known_plugins`."""

    def disabled(self, name: str) -> bool:
        """Whether an administrator has switched the plugin off."""

    def missing(self, present: Collection[str]) -> Sequence[str]:
        """The names of those that were there and are not."""


class Forgetful:
    """Remembers nothing: for an environment that is built by hand, as in tests."""

    def disabled(self, name: str) -> bool:
        """No plugin is switched off."""
        del name
        return False

    def missing(self, present: Collection[str]) -> Sequence[str]:
        """None is missing."""
        del present
        return ()


class Registry:
    """The registered plugins, their rules' parameters, and which modules belong to plugins of other people."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.parameters: dict[str, Parameter] = {}
        self.foreign: dict[str, set[str]] = {}
        """The modules of each plugin that is not the product's own, by the plugin's name."""

    def register(self, plugin: object, name: str, *, foreign: bool) -> None:
        """Add a plugin with its hooks and its PARAMETERS. Raises Misconfiguration if it is written wrongly."""
        try:
            self.manager.register(plugin, name)
        except ValueError as error:
            raise Misconfiguration(f"plugin {name}: it is there twice; disable one of them") from error
        except pluggy.PluginValidationError as error:
            raise Misconfiguration(f"plugin {name}: {error}") from error
        self._add_parameters(plugin, name)
        if foreign:
            _check_marks(self.manager, plugin, name)
            self.foreign[name] = {_module(plugin)}
            for caller in self.manager.get_hookcallers(plugin) or ():
                self._add_hook(caller, plugin, name)

    def _add_hook(self, caller: pluggy.HookCaller, plugin: object, name: str) -> None:
        for each in caller.get_hookimpls():
            if each.plugin is plugin:
                self.foreign[name].add(_module(inspect.unwrap(each.function)))
                if each.hookwrapper or each.wrapper is not (caller.name == AMENDING):
                    rule = f"{AMENDING} is implemented with wrapper=True, and nothing else is"
                    raise Misconfiguration(f"plugin {name}, {caller.name}: {rule}")

    def _add_parameters(self, plugin: object, name: str) -> None:
        for parameter in getattr(plugin, "PARAMETERS", ()):
            if not isinstance(parameter, Parameter):
                raise Misconfiguration(f"plugin {name}: in its PARAMETERS {typed(parameter)} is no Parameter")
            if parameter.name in self.parameters:
                raise Misconfiguration(f"plugin {name}: another plugin has a parameter {parameter.name} already")
            self.parameters[parameter.name] = parameter

    def add_offer(self, name: str, offer: Handler | SourceKind) -> None:
        """Note the module of an offered function, which may differ from that of the plugin's hooks."""
        if name in self.foreign:
            self.foreign[name].add(_module(offer.handle if isinstance(offer, Handler) else offer.open))

    def check_names(self) -> None:
        """Raise Misconfiguration for a plugin with a hook that does not exist."""
        try:
            self.manager.check_pending()
        except pluggy.PluginValidationError as error:
            culprit = self.manager.get_name(error.plugin)
            raise Misconfiguration(f"plugin {culprit}: {error}; docs/hooks.md lists the hooks") from error

    def implementations(self, hook: str) -> Sequence[pluggy.HookImpl]:
        """The implementations of `hook`; pluggy calls the last one first."""
        caller: pluggy.HookCaller = getattr(self.manager.hook, hook)
        return caller.get_hookimpls()


def load(
    bundled: Iterable[object],
    extra: Iterable[object],
    group: str,
    known: Known | None = None,
    registry: Registry | None = None,
) -> Registry:
    """Register all plugins, ours first: pluggy calls the last one first, so a plugin's answer precedes ours.

    `bundled` are the product's own plugins besides BUILTIN, `extra` are those that the environment brings; the entry
    points of `group` come between. `known` remembers which were there. `registry` is filled as far as it goes.
    Raises Misconfiguration, which names the plugin that is wrong, or missing; TemporaryFailure.
    """
    known = Forgetful() if known is None else known
    registry = Registry() if registry is None else registry
    for plugin in (*BUILTIN, *bundled):
        registry.register(plugin, _name(plugin), foreign=False)
    for name, plugin in _installed(group, known):
        registry.register(plugin, name, foreign=True)
    for plugin in extra:
        registry.register(plugin, _name(plugin), foreign=True)
    registry.check_names()
    for name in known.missing(registry.foreign):
        raise Misconfiguration(_GONE.format(short=name.partition(" ")[0]))
    return registry


def typed(value: object) -> str:
    """The type of a value in words, such as "a str"."""
    return f"a {type(value).__name__}"


def _installed(group: str, known: Known) -> Iterator[tuple[str, object]]:
    """Load the plugins of the entry points of `group`. Raises Misconfiguration if one does not load."""
    from importlib import metadata  # noqa: PLC0415 - costs as much as all the rules

    for entry in metadata.entry_points(group=group):
        name = f"{entry.name} ({entry.value})"
        if known.disabled(name):
            continue
        try:
            plugin: object = entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin that calls sys.exit() ends no run
            failed = f"plugin {name} does not load"
            cause = f"{type(error).__name__}: {error}"
            raise Misconfiguration(f"{failed}: {cause}; mend it or uninstall it", failed) from error
        yield name, plugin


def _check_marks(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    """Raise Misconfiguration for a hook without its mark, which would never be called."""
    for attribute in dir(plugin):
        if attribute.startswith(PREFIX) and manager.parse_hookimpl_opts(plugin, attribute) is None:
            raise Misconfiguration(f"plugin {name}, {attribute}: it has no @hookimpl, so it would never be called")


def _name(plugin: object) -> str:
    kind = type(plugin)
    return plugin.__name__ if isinstance(plugin, ModuleType) else f"{kind.__module__}.{kind.__qualname__}"


def _module(thing: object) -> str:
    """The module of a plugin or of a function; for a partial function that of the function."""
    thing = getattr(thing, "func", thing)
    return thing.__name__ if isinstance(thing, ModuleType) else str(getattr(thing, "__module__", ""))
