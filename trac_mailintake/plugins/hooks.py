"""Calls the hooks for one environment. If a plugin fails, the error names the plugin.

Plugins are loaded only when a hook is called for the first time.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar, cast

import pluggy

from trac_mailintake.builtin import own_probe
from trac_mailintake.hookspecs import Context, Handler, SourceKind
from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import Misconfiguration, NoLongerMine, Stale, TemporaryFailure
from trac_mailintake.intake.model import Change, NewTicket, Objection, Target
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.plugins.answers import wrong
from trac_mailintake.plugins.registry import AMENDING, GROUP, Registry, load, typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from trac_mailintake.intake.model import Delivery, Outcome, Sender
    from trac_mailintake.intake.ports import Reader
    from trac_mailintake.intake.settings import Parameter, Service
    from trac_mailintake.mail.message import Message
    from trac_mailintake.plugins.registry import Known

_NOT_A_FAULT: Final = (TemporaryFailure, NoLongerMine, Stale, MemoryError, KeyboardInterrupt)

Offer = TypeVar("Offer", Handler, SourceKind)


class Rules:
    """The rules, handlers and kinds of source of one environment: `ports.Rules`, and the catalogue.

    `bundled` are the product's own plugins besides the built-in rules. `extra` are objects of the environment; they are
    iterated over when a hook is called for the first time. The built-in rules and the entry points of `group` always
    count. `known` remembers which plugins were there (None: nothing does).
    """

    def __init__(
        self,
        reader: Reader,
        bundled: Iterable[object] = (),
        extra: Iterable[object] = (),
        group: str = GROUP,
        known: Known | None = None,
    ) -> None:
        self._reader = reader
        self._bundled = tuple(bundled)
        self._extra = extra
        self._group = group
        self._known = known
        self._found = Registry()

    # the catalogue

    @cached_property
    def handlers(self) -> Mapping[str, Handler]:
        """All handlers by name. Raises Misconfiguration."""
        return self._offered("mailintake_handlers", Handler)

    @cached_property
    def kinds(self) -> Mapping[str, SourceKind]:
        """All kinds of source by name. Raises Misconfiguration."""
        return self._offered("mailintake_sources", SourceKind)

    def plugins(self) -> Sequence[str]:
        """The names of all plugins that are not the product's own. Raises Misconfiguration."""
        return tuple(self._registry.foreign)

    def present(self) -> Sequence[str]:
        """The names of those that were loaded, also if one does not load or is missing."""
        return tuple(self._found.foreign)

    def parameters(self, handler: str) -> tuple[Parameter, ...]:
        """The parameters of a service with this handler: those of the rules, then those of the handler.

        A handler's parameter replaces a rule's of the same name, so that it can have another default.
        Raises SettingError for an unknown handler, Misconfiguration.
        """
        if handler not in self.handlers:
            raise SettingError("handler", handler, ", ".join(sorted(self.handlers)))
        own = {parameter.name: parameter for parameter in self.handlers[handler].parameters}
        return tuple({**self._registry.parameters, **own}.values())

    # ports.Rules

    def screen(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Sequence[Objection]:
        """All objections; for our own probe no hook is called. Raises Misconfiguration."""
        probe = own_probe.recognised(message, self._reader)
        if probe is not None:
            return [probe]
        hook = "mailintake_screen"
        with self._blaming(hook):
            answers = self._registry.manager.hook.mailintake_screen(
                message=message, delivery=delivery, context=self._context(service, sender)
            )
        for answer in answers:
            if not isinstance(answer, Objection):
                raise self._astray(hook, answer)
            self._look_into(hook, answer)
        return list(answers)

    def route(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Target:
        """The first answer, plugins before our own; a new ticket if there is none. Raises Misconfiguration."""
        hook = "mailintake_route"
        with self._blaming(hook):
            answer = self._registry.manager.hook.mailintake_route(
                message=message, delivery=delivery, context=self._context(service, sender)
            )
        if answer is None:
            return because(NewTicket, reasons.NEW())
        if not isinstance(answer, Target):
            raise self._astray(hook, answer)
        self._look_into(hook, answer)
        return answer

    def handle(self, message: Message, target: Target, service: Service, sender: Sender) -> Change | Objection:
        """Call the service's handler, and let plugins amend the change. Raises Misconfiguration."""
        context = self._context(service, sender)
        handler = self.handlers.get(service.handler)
        if handler is None:
            raise Misconfiguration(f"service {service.name}: no plugin offers its handler {service.handler}")
        with self._blaming(f"handler {handler.name}"):
            answer: object = handler.handle(message, target, context)
        if not isinstance(answer, Change | Objection):
            raise Misconfiguration(f"handler {handler.name}: {typed(answer)} is neither a Change nor an objection")
        self._look_into_handlers(handler, answer)
        if isinstance(answer, Objection):
            return answer
        with self._blaming(AMENDING):
            amended = self._registry.manager.hook.mailintake_change(change=answer, message=message, context=context)
        if not isinstance(amended, Change):
            raise self._astray(AMENDING, amended)
        if amended is not answer:
            self._look_into(AMENDING, amended)
        return amended

    def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
        """Notify the plugins of a committed outcome. Raises Misconfiguration."""
        with self._blaming("mailintake_recorded"):
            self._registry.manager.hook.mailintake_recorded(
                message=message, outcome=outcome, context=self._context(service, sender)
            )

    def _context(self, service: Service, sender: Sender) -> Context:
        return Context(service, self._reader, sender)

    # the registered plugins

    @cached_property
    def _registry(self) -> Registry:
        """All plugins, registered. Raises Misconfiguration each time: a broken plugin stays broken until a restart."""
        if isinstance(self._loaded, Misconfiguration):
            raise Misconfiguration(str(self._loaded), self._loaded.alike) from self._loaded
        return self._loaded

    @cached_property
    def _loaded(self) -> Registry | Misconfiguration:
        self._found = Registry()
        try:
            return load(self._bundled, self._extra, self._group, self._known, self._found)
        except Misconfiguration as fault:
            return fault

    def _offered(self, hook: str, kind: type[Offer]) -> Mapping[str, Offer]:
        """What all plugins offer, by name. Called one by one, so that a clash can be reported with both names."""
        offers: dict[str, Offer] = {}
        owners: dict[str, str] = {}
        for each in self._registry.implementations(hook):
            with self._blaming(hook):
                offered = tuple(cast("Iterable[object]", each.function()))
            for offer in offered:
                if not isinstance(offer, kind):
                    raise Misconfiguration(f"plugin {each.plugin_name}, {hook}: {typed(offer)} is no {kind.__name__}")
                if offer.name in offers:
                    both = f"{owners[offer.name]} and {each.plugin_name}"
                    raise Misconfiguration(f"two plugins offer {offer.name} in {hook}: {both}; disable one of them")
                offers[offer.name] = offer
                owners[offer.name] = each.plugin_name
                self._registry.add_offer(each.plugin_name, offer)
        return MappingProxyType(offers)

    # whose fault it is

    @contextmanager
    def _blaming(self, what: str) -> Iterator[None]:
        """Blame an exception that went through a foreign plugin on it (Misconfiguration); any other passes through.

        SystemExit too: a plugin must not end the process, and with 0 at that, over a message that was not taken.
        """
        try:
            yield
        except Misconfiguration as fault:
            culprit = _culprit(fault.__traceback__, self._registry.foreign)
            fault.alike = _alike(culprit, what) if culprit else fault.alike
            raise
        except _NOT_A_FAULT:
            raise
        except BaseException as error:
            culprit = _culprit(error.__traceback__, self._registry.foreign)
            if culprit is None:
                raise
            alike = _alike(culprit, what)
            raise Misconfiguration(f"{alike}: {type(error).__name__}: {error}", alike) from error

    def _look_into(self, hook: str, answer: Objection | Target | Change) -> None:
        """Raise Misconfiguration if a plugin answered the hook, and a value in the answer is wrong."""
        suspects = self._suspects(hook)
        what = wrong(answer) if suspects else ""
        if what:
            raise Misconfiguration(f"{_alike(suspects, hook)}: {what}", _alike(suspects, hook))

    def _look_into_handlers(self, handler: Handler, answer: Objection | Change) -> None:
        """The same for the answer of a handler."""
        module = str(getattr(handler.handle, "__module__", ""))
        foreign = " or ".join(name for name, modules in self._registry.foreign.items() if module in modules)
        what = wrong(answer) if foreign else ""
        if what:
            alike = _alike(foreign, f"handler {handler.name}")
            raise Misconfiguration(f"{alike}: {what}", alike)

    def _suspects(self, hook: str) -> str:
        """The plugins that implement the hook; pluggy does not say whose an answer was."""
        names = (each.plugin_name for each in self._registry.implementations(hook))
        return " or ".join(name for name in names if name in self._registry.foreign)

    def _astray(self, hook: str, answer: object) -> Misconfiguration:
        """The error for an invalid answer of a hook."""
        return Misconfiguration(f"plugin {self._suspects(hook)}, {hook}: {typed(answer)} is no answer to this hook")


def _alike(culprit: str, what: str) -> str:
    """What all faults share that one plugin makes in one hook: whatever it raises there, the same has to be mended."""
    return f"plugin {culprit}, {what}"


def _culprit(traceback: TracebackType | None, foreign: Mapping[str, set[str]]) -> str | None:
    """The foreign plugin nearest to where the exception was raised; None if none was involved.

    If several are in one module, all of them are named.
    """
    culprit = None
    module = ""
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        culprit = " or ".join(name for name, modules in foreign.items() if module in modules) or culprit
        traceback = traceback.tb_next
    if culprit is None and module.partition(".")[0] == pluggy.__name__:
        return " or ".join(foreign) or None  # pluggy itself raised it: it cannot call some implementation
    return culprit
