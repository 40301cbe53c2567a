"""screen: never process or answer mail that this environment sent (docs/behaviour.md#our-own-mail)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Ignore
from trac_mailintake.intake.reasons import because

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Objection
    from trac_mailintake.mail.message import Message


@hookimpl(tryfirst=True)
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Ignore our own mail, whatever other rules say."""
    why = context.reader.own_loop(message)
    return None if why is None else because(Ignore, reasons.LOOP(why=why), decisive=True)
