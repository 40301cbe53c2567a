"""screen: leave mail for somebody else alone (docs/behaviour.md#mail-for-somebody-else).

This overrides all other rules, so that another service's mail is never touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Ignore
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings.policies import Recipients, declared
from trac_mailintake.mail.mailbox_key import mailbox_key

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Objection
    from trac_mailintake.intake.ports import Reader
    from trac_mailintake.mail.message import Address, Message

PARAMETERS: Final = declared(Recipients)


@hookimpl(tryfirst=True)
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Ignore mail that was sent to none of the service's addresses."""
    wanted = tuple(mailbox_key(address) for address in context.service.recipients.catchemail)
    if not wanted or any(_is_for(address, wanted, context.reader) for address in message.recipients):
        return None
    return because(Ignore, reasons.CATCHEMAIL(addresses=", ".join(wanted)), decisive=True)


def _is_for(address: Address, wanted: tuple[str, ...], reader: Reader) -> bool:
    """Whether this is one of our addresses, or a signed reply address made from one."""
    key = mailbox_key(address.spec)
    if key in wanted:
        return True
    local, _, domain = key.rpartition("@")
    for each in wanted:
        base, _, host = each.rpartition("@")
        if domain == host and local.startswith(base):
            return reader.signed_ticket((address,)) is not None
    return False
