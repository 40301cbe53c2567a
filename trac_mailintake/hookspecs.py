"""Every extension point, in the order of the way of a message: fetch, handle, screen, route, change, recorded.

The product registers its own sources, handlers and rules through these same hooks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pluggy

from trac_mailintake.intake.model import Afterwards

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac_mailintake.intake.model import Change, Delivery, Disposition, Objection, Outcome, Sender, Target
    from trac_mailintake.intake.ports import Reader, Source
    from trac_mailintake.intake.settings import Parameter, Server, Service
    from trac_mailintake.mail.message import Message

PROJECT = "trac_mailintake"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may look at besides the message: the service, the tracker (read only), and who the sender is."""

    service: Service
    reader: Reader
    sender: Sender


@dataclass(frozen=True, slots=True)
class Opening:
    """What a kind of source needs to open a mailbox.

    `password` asks for the secret only when it is needed; `trace` takes lines of the protocol dialogue, secrets masked.
    """

    service: Service
    server: Server | None
    afterwards: Disposition
    password: Callable[[], str]
    trace: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of source: its name in `kind=`, what people read, what it can mean by afterwards, and how to open it.

    `protocol` is the protocol of the mail server that it needs ("" when it reads a local path).
    `dated` says that it knows when mails arrived, so that a first run can start at a date.
    `pushed` says that mail is handed to it, one at a time, as a mail server's pipe does: it has no mailbox, no path and
    no rounds, and the mail server tells a sender whose mail is rejected.
    `place` is what people read for what a local path names, such as `a Maildir`.
    """

    name: str
    label: str
    afterwards: tuple[Afterwards, ...]
    open: Callable[[Opening], Source]
    protocol: str = ""
    dated: bool = False
    default: Afterwards = Afterwards.LEAVE
    pushed: bool = False
    place: str = ""


class Handle(Protocol):
    """Turns a message into a change."""

    def __call__(self, message: Message, target: Target, context: Context) -> Change | Objection:
        """Decide; change nothing."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A handler: its name in `handler=`, what people read, its parameters, and the function that decides."""

    name: str
    label: str
    handle: Handle
    parameters: tuple[Parameter, ...] = field(default=())


@hookspec
def mailintake_sources() -> Sequence[SourceKind]:  # type: ignore[empty-body]  # a specification has no body
    """Kinds of source that a plugin adds."""


@hookspec
def mailintake_handlers() -> Sequence[Handler]:  # type: ignore[empty-body]  # a specification has no body
    """Handlers that a plugin adds."""


@hookspec
def mailintake_screen(message: Message, delivery: Delivery, context: Context) -> Objection | None:
    """Object to a message, or not. The gravest objection counts, so a plugin can only make intake stricter."""


@hookspec(firstresult=True)
def mailintake_route(message: Message, delivery: Delivery, context: Context) -> Target | None:
    """Say which ticket a message belongs to, or that it is a new one. The first answer counts."""


@hookspec(firstresult=True)
def mailintake_change(change: Change, message: Message, context: Context) -> Change:  # type: ignore[empty-body]  # a specification has no body
    """Amend a change before it is filed: use `wrapper=True` and return `dataclasses.replace(change, ...)`."""


@hookspec
def mailintake_recorded(message: Message, outcome: Outcome, context: Context) -> None:
    """Something was recorded; it is committed and cannot be undone."""
