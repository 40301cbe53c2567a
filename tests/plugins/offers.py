"""Plugins of somebody else's, and rules that ask them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, HANDLER, MEMBER, message, service
from tests.fakes import FakeReader
from trac_mailintake.hookspecs import Handler, SourceKind, hookimpl
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.model import Change, Followup, Hold, NewTicket, Outcome, Proof, Status
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.plugins.hooks import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from trac_mailintake.hookspecs import Context, Opening
    from trac_mailintake.intake.model import Objection, Target
    from trac_mailintake.intake.ports import Source
    from trac_mailintake.mail.message import Message

NEW = NewTicket("new", "The mail names no ticket.")


def rules(*extra: object, reader: FakeReader | None = None) -> Rules:
    """The rules with the plugins of an environment; no others are installed."""
    return Rules(reader or FakeReader(), extra=extra, group="trac_mailintake.none")


def change_of(asked: Rules) -> Change | Objection:
    """What becomes of a mail that begins a ticket."""
    return asked.handle(message(), NEW, service(), MEMBER)


class Strict:
    """A plugin that holds everything, and knows a parameter."""

    PARAMETERS = (Parameter("mood", Kind.TEXT, "bad", "How the plugin feels"),)

    @hookimpl
    def mailintake_screen(self, message: Message, context: Context) -> Objection | None:
        """Object."""
        return Hold("strict", f"{context.service.name} {context.sender.username} {message.subject}")


class Router:
    """A plugin that knows where everything belongs."""

    @hookimpl
    def mailintake_route(self, message: Message) -> Target | None:
        """Ticket 7."""
        return Followup(7, "router", message.subject, Proof.HANDLER)


class Shouter:
    """A plugin that amends changes."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    @hookimpl(wrapper=True)
    def mailintake_change(self, change: Change) -> Generator[None, Change, Change]:
        """Add the mark to the summary of what the inner ones made of it."""
        inner = yield
        return replace(inner, summary=f"{inner.summary}{self.mark} ({change.summary})")


class Echoer(Shouter):
    """Another plugin that amends changes."""


def echo(message: Message, target: Target, context: Context) -> Change | Objection:
    """A handler."""
    return Change(target, context.sender, message.subject.upper(), "")


class Offering:
    """A plugin with a handler and a kind of source."""

    def __init__(self, name: str = "echo") -> None:
        self.name = name

    @hookimpl
    def mailintake_handlers(self) -> tuple[Handler, ...]:
        """One."""
        own = (Parameter("bulk", Kind.CHOICE, "accept", "Ours", choices=("accept", "hold")),)
        return (Handler(self.name, "Echo", echo, own),)

    @hookimpl
    def mailintake_sources(self) -> tuple[SourceKind, ...]:
        """One."""
        return (SourceKind(self.name, "Echo", (), closed_door),)


def closed_door(opening: Opening) -> Source:
    """No source opens."""
    raise NotImplementedError(opening)


def everything(asked: Rules) -> list[Callable[[], object]]:
    """Every use."""
    outcome = Outcome(Status.CREATED, "new", "")
    return [
        lambda: asked.handlers,
        lambda: asked.kinds,
        lambda: asked.parameters(HANDLER),
        lambda: asked.screen(message(), DELIVERY, service(), MEMBER),
        lambda: asked.route(message(), DELIVERY, service(), MEMBER),
        lambda: asked.handle(message(), NEW, service(), MEMBER),
        lambda: asked.recorded(message(), outcome, service(), MEMBER),
    ]


def refused(asked: Rules, pattern: str) -> None:
    """Every use says the same."""
    for use in everything(asked):
        with pytest.raises(Misconfiguration, match=pattern):
            use()
