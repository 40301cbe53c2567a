"""handle: a comment with the full text, including quotes; never a new ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.builtin.handlers import build_change
from trac_mailintake.hookspecs import Handler, hookimpl
from trac_mailintake.intake.model import Followup
from trac_mailintake.mail.reply.new_text import Cut

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Change, Objection, Target
    from trac_mailintake.mail.message import Message


def handle(message: Message, target: Target, context: Context) -> Change | Objection:
    """The comment, or why there is no ticket to comment on. Raises OSError."""
    if not isinstance(target, Followup):
        return build_change.without_ticket(target.because or target.reason, context)
    return build_change.comment(message, target, context, Cut(message.text, ""))


HANDLER: Final = Handler(
    name="comment",
    label="Comment with the full text; mail without a ticket is forwarded or held",
    handle=handle,
    parameters=(*build_change.COMMON, *build_change.COMMENTING),
)


@hookimpl
def mailintake_handlers() -> tuple[Handler, ...]:
    """Offer this module's handler."""
    return (HANDLER,)
