"""record: whether to notify the sender (docs/behaviour.md#notices). Forgers and machines must not make us send mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import NewTicket, Status
from trac_mailintake.mail.headers.authentication_results import author_proof
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


def whom_to_tell(message: Message | None, service: Service, outcome: Outcome) -> str:
    """The address to send a notice of refusal to, or "": no notice.

    No unproved sender if `authserv_ids` is set, since we can tell that the address may be forged.
    """
    if message is None or message.author is None or not _takes_mail(message):
        return ""
    hosts = service.authentication.authserv_ids
    doubted = bool(hosts) and not author_proof(message, hosts)
    return "" if doubted or not _is_told(service, outcome) else message.author.spec


def acknowledges(change: Change, message: Message, service: Service) -> bool:
    """Whether to acknowledge the new ticket to a sender who is not a user (`acknowledge`)."""
    sender = change.sender
    stranger = bool(sender.address) and not sender.mapped
    wanted = bool(sender.proof) in _ACKNOWLEDGED[service.notices.acknowledge]
    return wanted and stranger and isinstance(change.target, NewTicket) and _takes_mail(message)


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
