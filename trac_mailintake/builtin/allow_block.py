"""screen: allow and block lists of senders (docs/behaviour.md#allow-and-block-lists).

The From field is easily forged: these lists keep out noise, not attackers.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Hold, Reject
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.intake.settings.policies import Notices, Strangers, declared
from trac_mailintake.mail.mailbox_key import domain_key, mailbox_key

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Objection
    from trac_mailintake.mail.message import Address, Message

PARAMETERS: Final = (
    *declared(Strangers),
    Parameter(
        "allow",
        Kind.WORDS,
        (),
        "Hold mail from everybody else: addresses, domains, or patterns such as *@*.example.org. Empty: nobody is held",
    ),
    *declared(Notices),
    Parameter("block", Kind.WORDS, (), "Reject mail from these: addresses, domains or patterns"),
)


@hookimpl
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Object to senders on the block list, and to senders that are not on the allow list."""
    blocked = context.service.parameters.words("block")
    for author in message.authors:
        entry = _matching(author, blocked)
        if entry:
            return because(Reject, reasons.BLOCK(sender=author.spec, entry=entry))
    allowed = context.service.parameters.words("allow")
    if not allowed:
        return None
    missing = [author.spec for author in message.authors if not _matching(author, allowed)]
    if message.authors and not missing and not message.disowned:
        return None
    return because(Hold, reasons.ALLOW(sender=missing[0]) if missing else reasons.ALLOW_NOBODY())


def _matching(author: Address, entries: tuple[str, ...]) -> str:
    """The entry that matches the author, or "". A domain matches all its addresses."""
    for entry in entries:
        if fnmatchcase(mailbox_key(author.spec), _pattern(entry)):
            return entry
    return ""


@lru_cache(maxsize=1000)
def _pattern(entry: str) -> str:
    """What an address (`mailbox_key`) is matched with. Labels beside a wildcard become A-labels one by one."""
    local, _, domain = entry.rpartition("@")
    return f"{mailbox_key(local or '*')}@{'.'.join(domain_key(label) for label in domain.split('.'))}"
