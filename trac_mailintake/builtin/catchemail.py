"""screen: leave mail for somebody else alone (docs/behaviour.md#mail-for-somebody-else).

This overrides all other rules, so that another service's mail is never touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake.addressees import for_others
from trac_mailintake.intake.settings.policies import Recipients, declared

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Objection
    from trac_mailintake.mail.message import Message

PARAMETERS: Final = declared(Recipients)


@hookimpl(tryfirst=True)
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Ignore mail that was sent to none of the service's addresses."""
    return for_others(message, context.service.recipients.catchemail, context.reader)
