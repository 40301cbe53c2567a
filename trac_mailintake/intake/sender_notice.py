"""record: whether to write to the sender (docs/behaviour.md#notices): forgers and machines must not make us do so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import NewTicket, Status
from trac_mailintake.intake.ports import ToSender
from trac_mailintake.mail.headers.authentication_results import author_proof
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac_mailintake.intake.model import Change, Outcome
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message

_TOLD: Final[Mapping[str, frozenset[Status]]] = {
    "never": frozenset(),
    "rejected": frozenset({Status.REJECTED}),
    "refused": frozenset({Status.REJECTED, Status.HELD}),
}
"""By `notify_sender`: the outcomes of which the sender is told."""
_ACKNOWLEDGED: Final[Mapping[str, frozenset[bool]]] = {
    "never": frozenset(),
    "proved": frozenset({True}),
    "always": frozenset({True, False}),
}
"""By `acknowledge`: whether the senders who hear of their new ticket are proved."""


def notice(message: Message | None, service: Service, outcome: Outcome) -> ToSender | None:
    """The notice of a refusal, or None.

    No unproved sender gets one if `authserv_ids` is set, since we can tell that the address may be forged.
    """
    if message is None or message.author is None or not _takes_mail(message) or not _is_told(service, outcome):
        return None
    if mailbox_key(message.author.spec) in map(mailbox_key, service.strangers.webforms):
        return None  # the form is a machine
    hosts = service.authentication.authserv_ids
    proved = bool(author_proof(message, hosts))
    return None if hosts and not proved else ToSender(message.author.spec, proved, service.rates.rate_notice)


def acknowledgement(change: Change, message: Message, service: Service) -> ToSender | None:
    """The acknowledgement of a new ticket to a sender who is not a user (`acknowledge`), or None."""
    sender = change.sender
    proved = bool(sender.proof)
    stranger = bool(sender.address) and not sender.mapped
    wanted = proved in _ACKNOWLEDGED[service.notices.acknowledge]
    if not (wanted and stranger and isinstance(change.target, NewTicket) and _takes_mail(message)):
        return None
    return ToSender(sender.address, proved, service.rates.rate_notice)


def _is_told(service: Service, outcome: Outcome) -> bool:
    """Whether the service wants the sender to be told of this outcome.

    Never of mail that is held for a reason of ours only; nor of rejected mail from a pipe, since the mail server
    bounces it after our exit status 77.
    """
    if outcome.status not in _TOLD[service.notices.notify_sender]:
        return False
    return reasons.rule(outcome.rule).told if outcome.status is Status.HELD else not service.pushed


def _takes_mail(message: Message) -> bool:
    """Whether mail may be sent in answer: never to a machine, a list or a null path (RFC 3834, 2)."""
    return message.origin is Origin.PERSON and message.return_path != ""
