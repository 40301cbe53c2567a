"""screen: automatic mail, such as vacation notes, bounces and newsletters (docs/behaviour.md#automatic-mail).

To process it, as JIRA did, would loop on Trac's own notifications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake.model import Discard, Forward, Hold, Ignore
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.classify.delivery_status import reported_ids
from trac_mailintake.mail.message import Origin

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Objection
    from trac_mailintake.mail.message import Message

PARAMETERS: Final = (
    Parameter(
        "bulk",
        Kind.CHOICE,
        None,
        "What to do with automatic mail. Unset: forward it if there is a forward address, else hold it",
        choices=("accept", "hold", "forward", "ignore", "delete"),
    ),
    Parameter(
        "lists",
        Kind.CHOICE,
        "accept",
        "What to do with mail that comes by way of a mailing list: accept it, or treat it as automatic",
        choices=("accept", "bulk"),
    ),
)
_RULE: Final = {
    Origin.RESPONDER: "auto-reply",
    Origin.REPORT: "bounce",
    Origin.BULK: "bulk",
    Origin.LIST: "list",
}


@hookimpl
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Object to automatic mail as `bulk` says."""
    parameters = context.service.parameters
    accepted = message.origin is Origin.LIST and parameters.text("lists") == "accept"
    if message.origin is Origin.PERSON or accepted:
        return None
    rule = _RULE[message.origin]
    reason = f"{message.origin_reason}{_about(message, context)}".strip()
    match parameters.text("bulk") or "forward":
        case "accept":
            return None
        case "ignore":
            return Ignore(rule, reason)
        case "delete":
            return Discard(rule, reason)
        case "forward" if context.service.forward:
            return Forward(rule, reason)
        case _:
            return Hold(rule, reason)


def _about(message: Message, context: Context) -> str:
    """Which ticket a bounce is about, by the Message-ID of the mail of ours that it returns."""
    if message.origin is not Origin.REPORT:
        return ""
    known = context.reader.known_ids(reported_ids(message))
    tickets = sorted({each.ticket for each in known.values() if each.outgoing})
    return "".join(f" It returns what was sent for ticket {ticket}." for ticket in tickets[:1])
