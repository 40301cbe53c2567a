"""route: which ticket a message belongs to, and who may follow a lead that is not proof (docs/behaviour.md#threading).

Of the three leads only the signed reply address is proof.
Anybody can know a Message-ID or guess a number, so these need a sender who is involved in the ticket.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.contested_ids import by_people_of, ticket_of
from trac_mailintake.intake.model import Followup, Hold, NewTicket, Proof, Reject
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.classify.delivery_status import reported_ids
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Address, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Filing, Objection, Sender, Target
    from trac_mailintake.intake.ports import KnownId, Reader, TicketFacts
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.wording import Reason

PARAMETERS: Final = (
    Parameter(
        "stranger",
        Kind.CHOICE,
        "new",
        "What to do when somebody who is not involved writes to a ticket without its signed reply address: "
        "make a new ticket that links to it, hold the mail, or reject it",
        choices=("new", "hold", "reject"),
    ),
    Parameter(
        "closed",
        Kind.CHOICE,
        "reopen",
        "What a mail to a closed ticket does: reopen it when the workflow offers that to the sender, "
        "only comment on it, or make a new ticket that links to it",
        choices=("reopen", "comment", "new"),
    ),
)
_SUBJECT: Final = re.compile(
    r"""
      \b[a-z]{2,10}://\S*                           # a URL, skipped with all its numbers
    | \[\s{0,4}\#(?P<own>[1-9][0-9]{0,8})\s{0,4}\]  # [#12]
    | \[[^\[\]]{0,200}\]\s{0,4}\#[0-9]{1,9}:        # [other] #12: is how another Trac writes
    | \[[^\[\]]{0,200}\]                            # [other #12], and any other tag
    | \((?P<key>[^()\s]{1,64})-(?P<keyed>[1-9][0-9]{0,8})\)
    | (?<![\w&/\#?=-])\#(?P<bare>[1-9][0-9]{0,8})(?!\w|[-./]\w)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NUMBERS: Final = 10
"""Numbers in a subject to look up at most: each costs a query."""
_LOOKED_INTO: Final = 20
"""Message-IDs of a message to look up at most."""


@dataclass(frozen=True, slots=True)
class Lead:
    """A ticket that a message refers to; `facts` is None if the ticket has been deleted."""

    number: int
    facts: TicketFacts | None
    proof: Proof
    reason: Reason


@hookimpl(trylast=True)
def mailintake_route(message: Message, context: Context) -> Target | None:
    """The ticket that the message refers to, or a new one with the reason why not that one; None without a lead."""
    lead, passed = trace(message, context)
    if lead is None:
        return because(NewTicket, reasons.NEW_APART(passed=passed)) if passed else None
    number = lead.number
    if lead.facts is None:
        note = f"This mail answers to ticket {number}, which does not exist any more."
        return because(NewTicket, reasons.DELETED_TICKET(lead=lead.reason), note=note)
    if not trusted(lead, context.sender, context.reader):
        why = "nothing proves who sent it" if context.sender.doubted else "its sender is not involved there"
        note = f"This mail points to #{number}, but {why}."
        return because(NewTicket, _stranger(lead, context.sender), related=number, note=note)
    apart = context.service.parameters.text("closed") == "new" and not message.origin.is_answer
    if lead.facts.closed and apart:
        note = f"This mail answers to #{number}, which is closed."
        return because(NewTicket, reasons.CLOSED_TICKET(lead=lead.reason), related=number, note=note)
    return because(Followup, lead.reason, ticket=number, proof=lead.proof)


@hookimpl
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Object to a sender who is not involved in the ticket that the message refers to, if `stranger` says so.

    A route cannot object, so the lead is looked up twice, but only if strangers get no new ticket.
    """
    policy = context.service.parameters.text("stranger")
    lead = None if policy == "new" else trace(message, context)[0]
    if lead is None or trusted(lead, context.sender, context.reader):
        return None
    reason = _stranger(lead, context.sender)
    return because(Reject, reason) if policy == "reject" else because(Hold, reason)


def trace(message: Message, context: Context) -> tuple[Lead | None, Reason | str]:
    """What the message points to: the reply address, else the Message-IDs, else the subject.

    Also returns why known Message-IDs were passed over (`reasons.PASSED`); "" if none was.
    """
    reader = context.reader
    number = reader.signed_ticket(message.recipients)
    if number is not None:
        return Lead(number, reader.ticket(number), Proof.SIGNATURE, reasons.REPLY_ADDRESS(ticket=number)), ""
    lead, passed = _by_ids(message, context)
    return lead or _by_subject(message.subject, reader, passed), passed


def trusted(lead: Lead, sender: Sender, reader: Reader) -> bool:
    """Whether the sender may follow the lead. A lead to a deleted ticket is harmless.

    Only the name of a mapped user counts, since all strangers share `anonymous`, `actas` or `reporterusername`.
    Where proof is required, an address counts only if it is proved, a customer's too (docs/behaviour.md#proof).
    """
    if lead.facts is None or lead.proof is Proof.SIGNATURE:
        return True
    if sender.doubted:
        return False
    involved = bool(sender.address) and mailbox_key(sender.address) in lead.facts.involved
    if not sender.mapped:
        return involved and not reader.username(Address("", sender.address))
    return involved or _may_answer(lead.number, sender, reader) or mailbox_key(sender.username) in lead.facts.involved


def _may_answer(ticket: int, sender: Sender, reader: Reader) -> bool:
    """Whether a user may write to the ticket, and see it: by guessing numbers they could write into hidden ones."""
    return all(reader.may(sender.username, action, ticket) for action in ("TICKET_APPEND", "TICKET_VIEW"))


def _stranger(lead: Lead, sender: Sender) -> Reason:
    if sender.doubted:
        return reasons.STRANGER_UNPROVED(lead=lead.reason, sender=sender.address)
    if sender.address:
        return reasons.STRANGER(lead=lead.reason, sender=sender.address)
    return reasons.STRANGER_NAMELESS(lead=lead.reason)


def _by_ids(message: Message, context: Context) -> tuple[Lead | None, Reason | str]:
    """In-Reply-To, then References from the newest on (RFC 5322, 3.6.4); the first that leads to a ticket decides."""
    ids = [*reversed(message.in_reply_to), *reversed(message.references)]
    if message.origin is Origin.REPORT:
        ids += reported_ids(message)
    if not ids:
        return None, ""
    reader = context.reader
    by_id = reader.known_ids(ids)
    known = tuple(by_id[each] for each in dict.fromkeys(ids) if each in by_id)
    found, passed = _first(known, message, context)
    # Anybody can compute the ids of Trac's mail before the installation, and reuse one: Trac's ticket counts.
    root = reader.root_ticket([*_filed_up_to(found, known)] if found else ids)
    if root is not None:
        return Lead(root, reader.ticket(root), Proof.MESSAGE_ID, reasons.ROOT_ID(ticket=root)), passed
    if found is None:
        return None, passed
    wording = reasons.MESSAGE_ID_SENT if found.outgoing else reasons.MESSAGE_ID
    reason = wording(message_id=found.message_id, ticket=found.ticket, passed=passed)
    return Lead(found.ticket, reader.ticket(found.ticket), Proof.MESSAGE_ID, reason), passed


def _first(known: Sequence[KnownId], message: Message, context: Context) -> tuple[KnownId | None, Reason | str]:
    """The first id that leads to a ticket, and why those before it do not.

    If several filed mails by people of this message have the same id, somebody may have forged some of them so that
    the id is skipped and the next one leads to their ticket. After such an id, mails by other people do not count.
    The authors of all these mails are looked up with one query.
    """
    if not known or not known[0].contested:
        return next(iter(known), None), ""
    own = context.reader.own_addresses()
    filings = _filings(known, context.reader)
    passed: Reason | str = ""
    forged = False
    for each in known:
        if each.outgoing or not (each.contested or forged):
            return each, passed
        mails = by_people_of(message, filings[each.message_id], own)
        ticket = ticket_of(mails, context.service.name)
        if ticket is not None:
            return replace(each, ticket=ticket), passed
        if each.contested:
            passed = reasons.PASSED(message_id=each.message_id)
        forged = forged or bool(mails)
    return None, passed


def _filings(known: Sequence[KnownId], reader: Reader) -> Mapping[str, Sequence[Filing]]:
    """The filed mails with the first of these ids, by their ids."""
    filings: defaultdict[str, list[Filing]] = defaultdict(list)
    for filing in reader.filings(each.message_id for each in known[:_LOOKED_INTO] if not each.outgoing):
        filings[filing.message_id].append(filing)
    return filings


def _filed_up_to(found: KnownId, known: Sequence[KnownId]) -> Iterator[str]:
    """The ids of filed mails up to and including the one that was found."""
    for each in known:
        if not each.outgoing:
            yield each.message_id
        if each.message_id == found.message_id:
            return


def _by_subject(subject: str, reader: Reader, passed: Reason | str) -> Lead | None:
    """The leftmost number that is an existing ticket."""
    for number in islice(_numbers(subject, reader.project_name(), reader.project_key()), _NUMBERS):
        facts = reader.ticket(number)
        if facts is not None:
            return Lead(number, facts, Proof.SUBJECT, reasons.SUBJECT(ticket=number, passed=passed))
    return None


def _numbers(subject: str, project: str, key: str) -> Iterator[int]:
    """The tickets that a subject names, from the left: `#12`, `[#12]`, `[Project] #12: …` and `(KEY-12)`."""
    if project:
        subject = re.sub(re.escape(f"[{project}]"), " ", subject, flags=re.IGNORECASE)
    for match in _SUBJECT.finditer(subject):
        number = match["own"] or match["bare"]
        if number or (key and match["key"] and match["key"].casefold() == key.casefold()):
            yield int(number or match["keyed"])
