"""Every extension point: sources and handlers; then screen, route, change, recorded, in the order of processing.

The product registers its own sources, handlers and rules through the same hooks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pluggy

from trac_mailintake.intake.model import Afterwards, Forward, Hold
from trac_mailintake.intake.reasons import because

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac_mailintake.intake.model import Change, Delivery, Disposition, Objection, Outcome, Sender, Target
    from trac_mailintake.intake.ports import Reader, Source
    from trac_mailintake.intake.settings import Parameter, Server, Service
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.wording import Reason

PROJECT = "trac_mailintake"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule can use besides the message: the service, lookups in Trac (read only), and the sender."""

    service: Service
    reader: Reader
    sender: Sender

    def forward_or_hold(self, reason: Reason) -> Objection:
        """The objection of rules that pass mail on: forward it if the service has a forward address, else hold it."""
        return because(Forward, reason) if self.service.forward else because(Hold, reason)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a kind of source needs to open a mailbox.

    `password()` returns the secret, when it is needed; `trace` takes lines of the dialogue, with secrets masked.
    """

    service: Service
    server: Server | None
    afterwards: Disposition
    password: Callable[[], str]
    trace: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of source: its name in `kind=`, its label, the supported values of `afterwards`, and how to open it.

    `protocol` is the protocol of the mail server that it needs ("" if it reads a local path).
    `dated`: it knows when mail arrived, so that a first run can start at a date.
    `pushed` says that mail is handed to it, one at a time, as a mail server's pipe does: it has no mailbox, no path and
    no rounds, and the mail server tells a sender whose mail is rejected.
    `place` is what a local path names, in words for people, such as `a Maildir`.
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
    """A handler: its name in `handler=`, its label, its parameters, and the function that decides."""

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
    """Return an objection, or None. The safest objection counts, so a plugin can only make intake stricter."""


@hookspec(firstresult=True)
def mailintake_route(message: Message, delivery: Delivery, context: Context) -> Target | None:
    """Return the ticket a message belongs to, or a new ticket; None for no opinion. The first answer counts."""


@hookspec(firstresult=True)
def mailintake_change(change: Change, message: Message, context: Context) -> Change:  # type: ignore[empty-body]  # a specification has no body
    """Amend a change before it is filed: use `wrapper=True` and return `dataclasses.replace(change, ...)`."""


@hookspec
def mailintake_recorded(message: Message, outcome: Outcome, context: Context) -> None:
    """Called after an outcome has been committed; it cannot be undone."""
