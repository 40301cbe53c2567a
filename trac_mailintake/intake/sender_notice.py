"""record: whether to notify the sender (docs/behaviour.md#notices). Forgers and machines must not make us send mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import NewTicket, Status
from trac_mailintake.mail.headers.authentication_results import proof
from trac_mailintake.mail.message import Origin

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Change, Outcome
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message


def whom_to_tell(message: Message | None, service: Service, outcome: Outcome) -> str:
    """The address to send a notice of refusal to, or "".

    Never a machine, a list or a null path (RFC 3834, 2); no unproved sender if `authserv_ids` is set. Rejected mail
    from a pipe gets no notice, since the mail server bounces it after our exit status 77.
    """
    wanted = service.parameters.values.get("notify_sender") or "never"
    rejected = outcome.status is Status.REJECTED and not service.pushed
    held = outcome.status is Status.HELD and reasons.rule(outcome.rule).told and wanted == "refused"
    if wanted == "never" or not (rejected or held):
        return ""
    if message is None or message.author is None or message.origin is not Origin.PERSON or message.return_path == "":
        return ""
    hosts = service.parameters.values.get("authserv_ids")
    if isinstance(hosts, tuple) and hosts and not proof(message.fields, hosts, message.author.spec):
        return ""
    return message.author.spec


def acknowledges(change: Change, message: Message, service: Service) -> bool:
    """Whether to acknowledge the new ticket to a sender who is not a user (`acknowledge`)."""
    wanted = service.parameters.values.get("acknowledge")
    sender = change.sender
    if not isinstance(change.target, NewTicket) or sender.mapped or not sender.address:
        return False
    if message.origin is not Origin.PERSON or message.return_path == "":
        return False
    return wanted == "always" or (wanted == "proved" and bool(sender.proof))
