"""handle: assign a new ticket to another recipient, and add recipients to cc (docs/behaviour.md#other-recipients).

The intake's own addresses never count: a tracker in cc of its own ticket would write to itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.mailbox_key import mailbox_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trac_mailintake.hookspecs import Context
    from trac_mailintake.mail.message import Address, Message

ASSIGNING: Final = (
    Parameter(
        "ccassignee",
        Kind.BOOLEAN,
        default=False,
        help="Give new tickets to the first known user among To, Cc and Bcc who may change tickets; "
        "else to whom owner says",
    ),
)
WATCHING: Final = (
    Parameter(
        "ccwatcher",
        Kind.BOOLEAN,
        default=False,
        help="Put the other recipients of a mail into the ticket's cc, at most ten, when its sender has TICKET_EDIT_CC",
    ),
)
_WATCHERS: Final = 10
"""Recipients added to cc at most: a mail to a thousand people must not add a thousand."""
_PLAIN: Final = re.compile(r"[^\s,;<>\"]+@[^\s,;<>\"]+")
"""An address that a cc list can contain."""


def assignee(message: Message, context: Context) -> str:
    """The owner found among the recipients; "" if there is none or `ccassignee` is off."""
    if not context.service.parameters.flag("ccassignee"):
        return ""
    for address in _others((*message.to, *message.cc, *message.bcc), context):
        username = context.reader.username(address)
        if username and context.reader.may(username, "TICKET_MODIFY"):
            return username
    return ""


def watchers(message: Message, context: Context) -> tuple[str, ...]:
    """The recipients to add to cc: usernames, or addresses of people without one. Bcc recipients are never added."""
    if not context.service.parameters.flag("ccwatcher"):
        return ()
    people: dict[str, str] = {}
    # The address of delivery is one of ours, even if it is not configured.
    passed = {mailbox_key(context.sender.address), *(mailbox_key(each.spec) for each in message.delivered_to)}
    for address in _others((*message.to, *message.cc), context):
        if mailbox_key(address.spec) in passed or not _PLAIN.fullmatch(address.spec):
            continue
        name = context.reader.username(address) or address.spec
        people.setdefault(mailbox_key(name), name)
        if len(people) == _WATCHERS:
            break
    people.pop(mailbox_key(context.sender.username), None)
    return tuple(people.values())


def _others(addresses: Iterable[Address], context: Context) -> Iterator[Address]:
    """The addresses that are not the intake's own."""
    own = context.reader.own_addresses() | {mailbox_key(each) for each in _told(context)}
    return (address for address in addresses if not any(_is_of(mailbox_key(address.spec), each) for each in own))


def _told(context: Context) -> tuple[str, ...]:
    return (*context.service.addresses, *context.service.recipients.catchemail)


def _is_of(key: str, own: str) -> bool:
    """Whether `key` is the mailbox `own`, with or without a subaddress, for any delimiter (RFC 5233)."""
    if key == own:
        return True
    local, _, domain = key.rpartition("@")
    base, _, host = own.rpartition("@")
    rest = local.removeprefix(base)
    return domain == host and rest != local and bool(rest) and not rest[0].isalnum()
