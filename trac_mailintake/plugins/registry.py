"""The hooks, asked: one plugin manager for each environment, since tracd serves several in one process.

No entry point is looked for before the first question.
Fail closed: with a plugin that cannot load, or that is written wrongly, every question raises Misconfiguration.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from functools import cached_property
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Final, TypeVar, cast

import pluggy

from trac_mailintake import builtin, hookspecs
from trac_mailintake.builtin import handlers, own_probe
from trac_mailintake.hookspecs import PROJECT, Context, Handler, SourceKind
from trac_mailintake.intake.model import Change, NewTicket, Objection, Target
from trac_mailintake.intake.ports import Misconfiguration, NoLongerMine, Stale, TemporaryFailure
from trac_mailintake.intake.settings import Parameter, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from trac_mailintake.intake.model import Delivery, Outcome, Sender
    from trac_mailintake.intake.ports import Reader
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message

BUILTIN: Final = tuple(dict.fromkeys((*builtin.SCREENS, *builtin.ROUTES, *builtin.AMENDMENTS, *handlers.HANDLERS)))
"""The product's own plugins but for its sources, which are wired in where everything is built."""
GROUP: Final = "trac_mailintake"
"""The entry point group of plugins that are installed."""
PREFIX: Final = "mailintake_"
_AMENDING: Final = "mailintake_change"
"""The one hook that may be wrapped, and must be: a wrapper around another could take an objection back."""
_NOT_A_FAULT: Final = (Misconfiguration, TemporaryFailure, NoLongerMine, Stale, MemoryError)

Offer = TypeVar("Offer", Handler, SourceKind)


class Rules:
    """The rules, handlers and kinds of source of one environment: `ports.Rules`, and the catalogue of what there is.

    `bundled` are the product's own plugins besides the built-in rules; `extra` are objects of the environment.
    The built-in rules and the entry points of `group` come by themselves.
    """

    def __init__(
        self, reader: Reader, bundled: Iterable[object] = (), extra: Iterable[object] = (), group: str = GROUP
    ) -> None:
        self._reader = reader
        self._bundled = tuple(bundled)
        self._extra = tuple(extra)
        self._group = group

    # the catalogue

    @cached_property
    def handlers(self) -> Mapping[str, Handler]:
        """All handlers by name. Raises Misconfiguration."""
        return self._offered("mailintake_handlers", Handler)

    @cached_property
    def kinds(self) -> Mapping[str, SourceKind]:
        """All kinds of source by name. Raises Misconfiguration."""
        return self._offered("mailintake_sources", SourceKind)

    def parameters(self, handler: str) -> tuple[Parameter, ...]:
        """What a service with this handler can be told: the rules' parameters, then the handler's own.

        A handler's parameter replaces a rule's of the same name, so that it can have another default.
        Raises SettingError for an unknown handler, Misconfiguration.
        """
        if handler not in self.handlers:
            raise SettingError("handler", handler, ", ".join(sorted(self.handlers)))
        own = {parameter.name: parameter for parameter in self.handlers[handler].parameters}
        return tuple({**self._roll.parameters, **own}.values())

    # ports.Rules

    def screen(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Sequence[Objection]:
        """All objections; of a probe of our own nobody else is asked. Raises Misconfiguration."""
        probe = own_probe.recognised(message, self._reader)
        if probe is not None:
            return [probe]
        hook = "mailintake_screen"
        with self._roll.blaming(hook):
            answers = self._roll.manager.hook.mailintake_screen(
                message=message, delivery=delivery, context=self._context(service, sender)
            )
        for answer in answers:
            if not isinstance(answer, Objection):
                raise self._roll.astray(hook, answer)
        return list(answers)

    def route(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Target:
        """The first answer; a new ticket when there is none. Raises Misconfiguration."""
        hook = "mailintake_route"
        with self._roll.blaming(hook):
            answer = self._roll.manager.hook.mailintake_route(
                message=message, delivery=delivery, context=self._context(service, sender)
            )
        if answer is None:
            return NewTicket("new", "The mail names no ticket.")
        if not isinstance(answer, Target):
            raise self._roll.astray(hook, answer)
        return answer

    def handle(self, message: Message, target: Target, service: Service, sender: Sender) -> Change | Objection:
        """What the service's handler makes of the message, amended by the plugins. Raises Misconfiguration."""
        context = self._context(service, sender)
        handler = self.handlers.get(service.handler)
        if handler is None:
            raise Misconfiguration(f"service {service.name}: no plugin offers its handler {service.handler}")
        with self._roll.blaming(f"handler {handler.name}"):
            answer: object = handler.handle(message, target, context)
        if isinstance(answer, Objection):
            return answer
        if not isinstance(answer, Change):
            raise Misconfiguration(f"handler {handler.name}: {_kind(answer)} is neither a Change nor an objection")
        with self._roll.blaming(_AMENDING):
            amended = self._roll.manager.hook.mailintake_change(change=answer, message=message, context=context)
        if not isinstance(amended, Change):
            raise self._roll.astray(_AMENDING, amended)
        return amended

    def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
        """Tell the plugins of a committed outcome. Raises Misconfiguration."""
        with self._roll.blaming("mailintake_recorded"):
            self._roll.manager.hook.mailintake_recorded(
                message=message, outcome=outcome, context=self._context(service, sender)
            )

    def _context(self, service: Service, sender: Sender) -> Context:
        return Context(service, self._reader, sender)

    # who there is

    @cached_property
    def _roll(self) -> _Roll:
        """Everybody, registered. Raises Misconfiguration, each time: what is broken stays so until a restart."""
        if isinstance(self._called, Misconfiguration):
            raise Misconfiguration(str(self._called)) from self._called
        return self._called

    @cached_property
    def _called(self) -> _Roll | Misconfiguration:
        try:
            return _call(self._bundled, self._extra, self._group)
        except Misconfiguration as fault:
            return fault

    def _offered(self, hook: str, kind: type[Offer]) -> Mapping[str, Offer]:
        """What all plugins offer, by name. Each is asked by itself, so that a clash can be told with both names."""
        offers: dict[str, Offer] = {}
        owners: dict[str, str] = {}
        for each in self._roll.implementations(hook):
            with self._roll.blaming(hook):
                offered = tuple(cast("Iterable[object]", each.function()))
            for offer in offered:
                if not isinstance(offer, kind):
                    raise Misconfiguration(f"plugin {each.plugin_name}, {hook}: {_kind(offer)} is no {kind.__name__}")
                if offer.name in offers:
                    both = f"{owners[offer.name]} and {each.plugin_name}"
                    raise Misconfiguration(f"two plugins offer {offer.name} in {hook}: {both}; disable one of them")
                offers[offer.name] = offer
                owners[offer.name] = each.plugin_name
                self._roll.add_module(each.plugin_name, offer)
        return MappingProxyType(offers)


class _Roll:
    """Who is registered, and which modules belong to plugins that are not the product's own."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.parameters: dict[str, Parameter] = {}
        self._modules: dict[str, set[str]] = {}
        """The modules of each foreign plugin, by its name."""

    def register(self, plugin: object, name: str, *, foreign: bool) -> None:
        """Add a plugin with its hooks and its rules' PARAMETERS. Raises Misconfiguration when it is written wrongly."""
        try:
            self.manager.register(plugin, name)
        except ValueError as error:
            raise Misconfiguration(f"plugin {name}: it is there twice; disable one of them") from error
        except pluggy.PluginValidationError as error:
            raise Misconfiguration(f"plugin {name}: {error}") from error
        self._add_parameters(plugin, name)
        if foreign:
            _check_marks(self.manager, plugin, name)
            self._modules[name] = {_module(plugin)}
            for caller in self.manager.get_hookcallers(plugin) or ():
                self._add_hook(caller, plugin, name)

    def _add_hook(self, caller: pluggy.HookCaller, plugin: object, name: str) -> None:
        for each in caller.get_hookimpls():
            if each.plugin is plugin:
                self._modules[name].add(_module(inspect.unwrap(each.function)))
                if each.hookwrapper or each.wrapper is not (caller.name == _AMENDING):
                    rule = f"{_AMENDING} is implemented with wrapper=True, and nothing else is"
                    raise Misconfiguration(f"plugin {name}, {caller.name}: {rule}")

    def _add_parameters(self, plugin: object, name: str) -> None:
        for parameter in getattr(plugin, "PARAMETERS", ()):
            if not isinstance(parameter, Parameter):
                raise Misconfiguration(f"plugin {name}: in its PARAMETERS {_kind(parameter)} is no Parameter")
            if parameter.name in self.parameters:
                raise Misconfiguration(f"plugin {name}: another plugin has a parameter {parameter.name} already")
            self.parameters[parameter.name] = parameter

    def add_module(self, name: str, offer: Handler | SourceKind) -> None:
        """The function that a foreign plugin offers may lie in another module than its hooks."""
        if name in self._modules:
            self._modules[name].add(_module(offer.handle if isinstance(offer, Handler) else offer.open))

    def implementations(self, hook: str) -> Sequence[pluggy.HookImpl]:
        """Who implements `hook`."""
        caller: pluggy.HookCaller = getattr(self.manager.hook, hook)
        return caller.get_hookimpls()

    @contextmanager
    def blaming(self, what: str) -> Iterator[None]:
        """An exception that went through a foreign plugin is its fault; any other is the message's own and passes."""
        try:
            yield
        except _NOT_A_FAULT:
            raise
        except Exception as error:
            culprit = self._culprit(error.__traceback__)
            if culprit is None:
                raise
            raise Misconfiguration(f"plugin {culprit}, {what}: {type(error).__name__}: {error}") from error

    def _culprit(self, traceback: TracebackType | None) -> str | None:
        """The foreign plugin nearest to where the exception was raised; None when none had a hand in it.

        Several may lie in one module: then all of them are named.
        """
        culprit = None
        module = ""
        while traceback is not None:
            module = str(traceback.tb_frame.f_globals.get("__name__", ""))
            culprit = " or ".join(name for name, modules in self._modules.items() if module in modules) or culprit
            traceback = traceback.tb_next
        if culprit is None and module.partition(".")[0] == pluggy.__name__:
            return " or ".join(self._modules) or None  # pluggy itself complains, of a hook that it cannot call
        return culprit

    def astray(self, hook: str, answer: object) -> Misconfiguration:
        """A hook answered what it must not; pluggy does not say who it was."""
        names = (each.plugin_name for each in self.implementations(hook))
        suspects = " or ".join(name for name in names if name in self._modules)
        return Misconfiguration(f"plugin {suspects}, {hook}: {_kind(answer)} is no answer to this hook")


def _call(bundled: Iterable[object], extra: Iterable[object], group: str) -> _Roll:
    """Register everybody, the product first: pluggy asks the last one first, so a plugin's answer comes before ours."""
    roll = _Roll()
    for plugin in (*BUILTIN, *bundled):
        roll.register(plugin, _name(plugin), foreign=False)
    for name, plugin in _installed(group):
        roll.register(plugin, name, foreign=True)
    for plugin in extra:
        roll.register(plugin, _name(plugin), foreign=True)
    try:
        roll.manager.check_pending()
    except pluggy.PluginValidationError as error:
        culprit = roll.manager.get_name(error.plugin)
        raise Misconfiguration(f"plugin {culprit}: {error}; docs/hooks.md lists the hooks") from error
    return roll


def _installed(group: str) -> Iterator[tuple[str, object]]:
    """The plugins behind the entry points of `group`, loaded. Raises Misconfiguration for one that does not load."""
    from importlib import metadata  # noqa: PLC0415 - costs as much as all the rules

    for entry in metadata.entry_points(group=group):
        name = f"{entry.name} ({entry.value})"
        try:
            plugin: object = entry.load()
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            raise Misconfiguration(f"plugin {name} does not load: {cause}; mend it or uninstall it") from error
        yield name, plugin


def _check_marks(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    """A hook without its mark is never called. Raises Misconfiguration."""
    for attribute in dir(plugin):
        if attribute.startswith(PREFIX) and manager.parse_hookimpl_opts(plugin, attribute) is None:
            raise Misconfiguration(f"plugin {name}, {attribute}: it has no @hookimpl, so it would never be called")


def _name(plugin: object) -> str:
    kind = type(plugin)
    return plugin.__name__ if isinstance(plugin, ModuleType) else f"{kind.__module__}.{kind.__qualname__}"


def _module(thing: object) -> str:
    """The module in which a plugin, or a function of it, lies; a partial function's is that of the function."""
    thing = getattr(thing, "func", thing)
    return thing.__name__ if isinstance(thing, ModuleType) else str(getattr(thing, "__module__", ""))


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
