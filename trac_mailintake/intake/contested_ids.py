"""route: which ticket a Message-ID leads to with which mails were filed in several tickets.

Anybody may give his mail an id that he has read in another one. Whoever answers that other one must not find himself in
a ticket of a stranger, who would get the answer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trac_mailintake.intake.model import Filing
    from trac_mailintake.mail.message import Message

_TOGETHER: Final = timedelta(days=1)
"""Within which the second copy of a mail comes: by way of a list that added a footer, or to another address of ours."""
_COPIES: Final = 2


def by_people_of(message: Message, filings: Sequence[Filing], own: Collection[str]) -> list[Filing]:
    """Those of the filings whose author `message` is from, or to.

    `own` are addresses of ours, which are in every mail.
    """
    people = {each.key for each in (message.author, *message.to, *message.cc, *message.bcc) if each}
    return [each for each in filings if each.author and each.author in people - set(own)]


def ticket_of(filings: Sequence[Filing], service: str) -> int | None:
    """The ticket that a message answers, of those in which mails with one id are; None when no single one is left.

    `filings` are these mails by people of the message, the oldest first. The proved ones count before others; of what
    is left, those that came to the same `service`.
    """
    left = [each for each in filings if each.proved] or list(filings)
    left = [each for each in left if each.service == service] or left
    if len({each.ticket for each in left}) == 1 or _are_copies(left):
        return left[0].ticket
    return None


def _are_copies(filings: Sequence[Filing]) -> bool:
    """Whether one author's mail came twice. What one id is given to more often are a machine's mails."""
    if len(filings) != _COPIES:
        return False
    first, second = filings
    return first.author == second.author and abs(second.filed - first.filed) <= _TOGETHER
