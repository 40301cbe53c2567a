"""screen: hold mail of one sender, or for one ticket, above the hourly rate (docs/behaviour.md#rates).

The round checks `rate_service`, since a service that is flooded with new tickets must stop as a whole.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.arrival_time import arrival
from trac_mailintake.intake.model import Followup, Hold, Proof
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings.policies import Rates, declared
from trac_mailintake.mail.headers.authentication_results import author_proof

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Delivery, Objection, Target
    from trac_mailintake.intake.ports import Reader
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message

PARAMETERS: Final = declared(Rates)
HOUR: Final = timedelta(hours=1)


@hookimpl
def mailintake_screen(message: Message, delivery: Delivery, context: Context) -> Objection | None:
    """Object if the sender wrote too much mail within the hour before this one arrived; not in a first run."""
    most = context.service.rates.rate_sender
    if not most or not context.service.last_success or delivery.again or not message.authors:
        return None
    until = arrival(delivery.listed, message)
    proved = bool(context.sender.proof)
    if context.reader.mails_of_sender(message, delivery, until - HOUR, until, most, proved=proved) < most:
        return None
    return because(Hold, reasons.RATE_SENDER(limit=most))


def too_many(target: Target, message: Message, service: Service, reader: Reader) -> Objection | None:
    """Object if the ticket got too much mail. Called after routing, since no screen knows the ticket.

    Mail whose ticket an administrator or the handler chose is not held.
    """
    most = service.rates.rate_ticket
    if not isinstance(target, Followup) or target.proof is Proof.HANDLER:
        return None
    until = arrival(None, message)
    if not most or not service.last_success:
        return None
    proved = bool(author_proof(message, service.authentication.authserv_ids))
    if reader.mails_for_ticket(target.ticket, until - HOUR, until, proved=proved) < most:
        return None
    return because(Hold, reasons.RATE_TICKET(ticket=target.ticket, limit=most))
