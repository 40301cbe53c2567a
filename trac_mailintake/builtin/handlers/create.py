"""handle: always a new ticket, even if the message is a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.builtin.handlers import build_change
from trac_mailintake.hookspecs import Handler, hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Followup, NewTicket
from trac_mailintake.intake.reasons import because

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Change, Target
    from trac_mailintake.mail.message import Message


def handle(message: Message, target: Target, context: Context) -> Change:
    """A new ticket, which links to the one that the message belongs to. Raises OSError."""
    if isinstance(target, Followup):
        reason = reasons.CREATE(lead=target.because or target.reason)
        target = because(NewTicket, reason, related=target.ticket)
    return build_change.ticket(message, target, context)


HANDLER: Final = Handler(
    name="create",
    label="Create a ticket of every mail",
    handle=handle,
    parameters=(*build_change.COMMON, *build_change.OF_TICKETS),
)


@hookimpl
def mailintake_handlers() -> tuple[Handler, ...]:
    """Offer this module's handler."""
    return (HANDLER,)
