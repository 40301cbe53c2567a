"""handle: a comment on the ticket that the message belongs to, else a new ticket; attachments go with either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from trac_mailintake.builtin.handlers import build_change
from trac_mailintake.hookspecs import Handler, hookimpl
from trac_mailintake.intake.model import Followup, NewTicket
from trac_mailintake.mail.reply.new_text import Cut, reply

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Change, Target
    from trac_mailintake.mail.message import Message


def handle(message: Message, target: Target, context: Context) -> Change:
    """The comment or the new ticket. Raises OSError if the spool cannot be read."""
    match target:
        case Followup():
            stripped = context.service.parameters.flag("stripquotes")
            parted = reply(message) if stripped else Cut(message.text, "")
            return build_change.comment(message, target, context, parted)
        case NewTicket():
            return build_change.ticket(message, target, context)
        case _:
            assert_never(target)


HANDLER: Final = Handler(
    name="create-or-comment",
    label="Comment on the ticket that the mail belongs to, else create one",
    handle=handle,
    parameters=(*build_change.COMMON, build_change.STRIPQUOTES, *build_change.OF_TICKETS),
)


@hookimpl
def mailintake_handlers() -> tuple[Handler, ...]:
    """Offer this module's handler."""
    return (HANDLER,)
