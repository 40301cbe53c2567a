"""fetch: messages that a server lists and does not give: they may be gone, or it may be unable to read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from imapclient.exceptions import IMAPClientError

from trac_mailintake.sources.errors import missing, raising
from trac_mailintake.sources.imap.fetch_response import merged
from trac_mailintake.sources.imap.pipelining import IDENTITY, is_refusal, uid_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.intake.model import Listed
    from trac_mailintake.sources.imap.fetch_response import Fetched
    from trac_mailintake.sources.imap.pipelining import Orders
    from trac_mailintake.sources.imap.session import Session

_EXPUNGED: Final = re.compile(r"\[EXPUNGEISSUED\b", re.IGNORECASE)
"""RFC 5530, 3: somebody else has expunged some of what was asked for."""
_NOTHING: Final = "the server gave nothing for it"


def listing(session: Session, window: str) -> dict[int, Fetched]:
    """The messages with these sequence numbers, by UID. No answer may be outstanding.

    A server that cannot read a message may refuse to tell its size and date, and with it those of all that come after.
    Then these are None: the messages are listed all the same, and are asked for. If it tells nothing at all, the
    refusal is raised, since what is known of messages must not be given up in an outage.
    """
    came, refusal = session.listed(window, f"(UID {IDENTITY} FLAGS)")
    found = merged(came)
    if refusal is None:
        return found
    there = merged(session.raw_fetch(window, "(UID FLAGS)", uid=False))
    if not found and len(there) > 1:
        raise refusal
    return there | found


def may_be(orders: Orders, listed: Listed) -> bool:
    """Whether the message may be gone: it was asked for, and the server says nothing else about it."""
    said, asked = orders.words(listed)
    return asked and (not said or _EXPUNGED.search(said) is not None)


def is_there(session: Session, listed: Listed) -> bool:
    """Whether the folder still has the message, as far as the server says. No answer may be outstanding."""
    uid = uid_of(listed)
    try:
        found = merged(session.raw_fetch(str(uid), "(UID FLAGS)"))
    except IMAPClientError as error:
        if not is_refusal(error):
            raise
        return True
    return uid in found and b"\\deleted" not in found[uid].flags


def chunks(orders: Orders, listed: Listed, label: str) -> Iterator[bytes]:
    """The chunks of a message that did not come: they raise Incomplete, with the server's words."""
    said, asked = orders.words(listed)
    return raising(missing(label, listed.locator, said or _NOTHING, asked=asked))
