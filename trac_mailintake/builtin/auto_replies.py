"""screen: automatic mail, such as vacation notes, bounces and newsletters (docs/behaviour.md#automatic-mail).

Processing it, as JIRA did, would loop on Trac's own notifications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Discard, Hold, Ignore
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings.policies import AutomaticMail, declared
from trac_mailintake.mail.classify.delivery_status import reported_ids
from trac_mailintake.mail.classify.sender_kind import TRAC
from trac_mailintake.mail.message import Origin

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Objection
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.wording import Reason

PARAMETERS: Final = declared(AutomaticMail)
_RULE: Final = {
    Origin.RESPONDER: reasons.AUTO_REPLY,
    Origin.REPORT: reasons.BOUNCE,
    Origin.BULK: reasons.BULK,
    Origin.LIST: reasons.LIST,
}


@hookimpl
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Object to automatic mail as `bulk` says."""
    wanted = context.service.automatic_mail
    accepted = message.origin is Origin.LIST and wanted.lists == "accept"
    if message.origin is Origin.PERSON or accepted:
        return None
    reason = _why(message, context)
    match wanted.bulk or "forward":
        case "accept":
            return because(Hold, reasons.OF_A_TRAC(evidence=reason)) if _of_a_trac(message) else None
        case "ignore":
            return because(Ignore, reason)
        case "delete":
            return because(Discard, reason)
        case "forward":
            return context.forward_or_hold(reason)
        case _:
            return because(Hold, reason)


def _of_a_trac(message: Message) -> bool:
    """Whether it has a field that a Trac adds to its notifications; anybody can, so that proves no loop."""
    return any(name.lower().startswith(TRAC) for name, _ in message.fields)


def _why(message: Message, context: Context) -> Reason:
    """How it was recognised; of a bounce also the ticket it is about, by the Message-ID of the mail that it returns."""
    evidence = message.origin_because or message.origin_reason
    if message.origin is not Origin.REPORT:
        return _RULE[message.origin](evidence=evidence)
    known = context.reader.known_ids(reported_ids(message))
    tickets = sorted({each.ticket for each in known.values() if each.outgoing})
    return reasons.BOUNCE_OF(evidence=evidence, ticket=tickets[0]) if tickets else reasons.BOUNCE(evidence=evidence)
