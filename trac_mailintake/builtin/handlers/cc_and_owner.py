"""handle: which of a mail's other recipients gets a new ticket or is put into cc (docs/behaviour.md#other-recipients).

The intake's own addresses never count: a tracker in cc of its own ticket would write to itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.settings import Kind, Parameter

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
"""A mail to a thousand people must not make a thousand watchers."""
_PLAIN: Final = re.compile(r"[^\s,;<>\"]+@[^\s,;<>\"]+")
"""What can stand in a list of cc."""


def assignee(message: Message, context: Context) -> str:
    """The owner that the recipients name, "" when there is none or `ccassignee` is off."""
    if not context.service.parameters.flag("ccassignee"):
        return ""
    for address in _others((*message.to, *message.cc, *message.bcc), context):
        username = context.reader.username(address)
        if username and context.reader.may(username, "TICKET_MODIFY"):
            return username
    return ""


def watchers(message: Message, context: Context) -> tuple[str, ...]:
    """Who is put into cc: usernames, and the addresses of those who have none. Bcc stays what it is: blind."""
    if not context.service.parameters.flag("ccwatcher"):
        return ()
    people: dict[str, str] = {}
    # What it was delivered to is an address of ours, even if nobody told us so.
    passed = {context.sender.address.casefold(), *(each.key for each in message.delivered_to)}
    for address in _others((*message.to, *message.cc), context):
        if address.key in passed or not _PLAIN.fullmatch(address.spec):
            continue
        name = context.reader.username(address) or address.spec
        people.setdefault(name.casefold(), name)
        if len(people) == _WATCHERS:
            break
    people.pop(context.sender.username.casefold(), None)
    return tuple(people.values())


def _others(addresses: Iterable[Address], context: Context) -> Iterator[Address]:
    """The addresses that are not the intake's own."""
    own = context.reader.own_addresses() | {each.casefold() for each in _told(context)}
    return (address for address in addresses if not any(_is_of(address.key, each) for each in own))


def _told(context: Context) -> tuple[str, ...]:
    return (*context.service.addresses, *context.service.parameters.words("catchemail"))


def _is_of(key: str, own: str) -> bool:
    """The same mailbox: also with a detail behind a mark, whatever the mail server's delimiter (RFC 5233)."""
    if key == own:
        return True
    local, _, domain = key.rpartition("@")
    base, _, host = own.rpartition("@")
    rest = local.removeprefix(base)
    return domain == host and rest != local and bool(rest) and not rest[0].isalnum()
