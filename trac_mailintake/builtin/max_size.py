"""screen: file mail above `max_size` without attachments, hold it, or forward it (docs/behaviour.md#too-large).

Filing it is not an objection: the handler leaves out the attachments and says so in the ticket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Hold
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings.policies import Size, declared

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Delivery, Objection
    from trac_mailintake.mail.message import Message

PARAMETERS: Final = declared(Size)


@hookimpl
def mailintake_screen(message: Message, delivery: Delivery, context: Context) -> Objection | None:
    """Object to mail that is too large, unless `oversize` is `file`."""
    most, oversize = context.service.size.max_size, context.service.size.oversize
    size = max(message.size, delivery.listed.size or 0)
    if not most or size <= most or oversize == "file":
        return None
    reason = reasons.MAX_SIZE(size=size, limit=most)
    return context.forward_or_hold(reason) if oversize == "forward" else because(Hold, reason)
