"""route: which ticket a Message-ID leads to if mails with this id were filed in several tickets.

Anybody can give their mail an id that they have read in another one. A reply to that other one must not end up in a
stranger's ticket, since the stranger would then receive it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.mailbox_key import mailbox_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from trac_mailintake.intake.model import Filing
    from trac_mailintake.mail.message import Message

_TOGETHER: Final = timedelta(days=1)
"""Time within which a second copy of a mail arrives, through a list that adds a footer or at another address."""
_COPIES: Final = 2


def by_people_of(message: Message, filings: Sequence[Filing], own: Collection[str]) -> list[Filing]:
    """The filings whose author is the sender or a recipient of `message`.

    `own` are our own addresses, which do not count, since they are in every mail.
    """
    people = {mailbox_key(each.spec) for each in (message.author, *message.to, *message.cc, *message.bcc) if each}
    return [each for each in filings if each.author and each.author in people - set(own)]


def ticket_of(filings: Sequence[Filing], service: str) -> int | None:
    """The ticket that a message answers, among those that have mails with one id; None if it stays ambiguous.

    `filings` are these mails by senders or recipients of the message, the oldest first. Proved ones count first, then
    those that came to the same `service`.
    """
    left = _best(filings, lambda each: each.proved)
    left = _best(left, lambda each: each.service == service)
    if len({each.ticket for each in left}) == 1 or _are_copies(left):
        return left[0].ticket
    return None


def _best(filings: Sequence[Filing], good: Callable[[Filing], bool]) -> Sequence[Filing]:
    """The good ones; all, if none is."""
    return [each for each in filings if good(each)] or filings


def _are_copies(filings: Sequence[Filing]) -> bool:
    """Whether the filings are two copies of one author's mail. More mails with one id come from a machine."""
    if len(filings) != _COPIES:
        return False
    first, second = filings
    return first.author == second.author and abs(second.filed - first.filed) <= _TOGETHER
