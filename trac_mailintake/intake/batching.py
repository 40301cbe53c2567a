"""Which mails share a transaction, and which wait for the mail that they answer.

Mails are decided as if each had been recorded before the next. So a transaction ends before a mail that depends on one
in it: its reply, its duplicate, or another mail about the same ticket.

A reply to an unknown mail would become a ticket of its own. If that mail may be elsewhere, in another worker's hands or
deferred, the reply is deferred until that one is tried again, but for a minute at most. If that is within two seconds,
the round waits for it, for at most a minute in all (see `stages.claim`); otherwise a later round takes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.failures import AT_ONCE, NEXT_MINUTE, Cause
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.ports import Accepted
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.intake.failures import Failures, Undecided
    from trac_mailintake.intake.ports import Claims, Decision, Wait

GROUP: Final = 50
"""Deliveries in one transaction at most."""

_NUMBER: Final = re.compile(r"#[0-9]|\([^()\s]{1,64}-[0-9]")
"""A possible ticket number in a subject; the rules decide."""


class Group:
    """Decisions that will be recorded in one transaction, in order."""

    def __init__(self) -> None:
        self._decisions: list[Decision] = []
        self._identities: set[str] = set()
        """Of the messages in it."""

    def add(self, decision: Decision) -> None:
        """Add what was decided last."""
        self._decisions.append(decision)
        if decision.message is not None:
            self._identities.add(_identity(decision.message))

    def take(self) -> list[Decision]:
        """All decisions; they are no longer in the group."""
        taken, self._decisions, self._identities = self._decisions, [], set()
        return taken

    def put_back(self, left: Sequence[Decision]) -> None:
        """Keep what was taken and not recorded; nothing was added meanwhile."""
        for each in left:
            self.add(each)

    @property
    def full(self) -> bool:
        """Whether some must be recorded before more are added."""
        return len(self._decisions) >= GROUP

    def comes_before(self, message: Message | Exception) -> bool:
        """Whether a message answers or duplicates one in the group: then record the group first."""
        if not isinstance(message, Message):
            return False
        return not self._identities.isdisjoint((*answered(message), _identity(message)))

    def changes_basis_of(self, decision: Decision) -> bool:
        """Whether the group changes the decision's ticket, or may create the one that its subject names.

        Then record the group first, and decide again.
        """
        ticket = decision.outcome.ticket
        if ticket is not None:
            return any(each.outcome.ticket == ticket for each in self._decisions)
        if not isinstance(decision, Accepted):
            return False
        return bool(self._decisions) and _NUMBER.search(decision.message.subject) is not None


def answered(message: Message) -> tuple[str, ...]:
    """The ids that a message refers to."""
    return (*message.in_reply_to, *message.references)


def parent_elsewhere(claims: Claims, decision: Decision) -> Wait | None:
    """What a mail has to wait for that would become a ticket of its own, although it answers another mail."""
    if not isinstance(decision, Accepted) or decision.outcome.status is not Status.CREATED:
        return None
    wanted = answered(decision.message)
    return claims.parent_elsewhere(decision.delivery, wanted) if wanted else None


def put_off(failures: Failures, decision: Decision, wait: Wait, *, pushed: bool) -> Undecided:
    """Defer a mail until the one that it may answer is tried again; `pushed`: a mail server hands that over, not we."""
    if wait.due is None:
        seconds, reason = AT_ONCE[0], "It may answer a message that another worker is filing."
    else:
        soonest = NEXT_MINUTE if pushed else AT_ONCE
        seconds = Seconds(min(max(wait.due, soonest[0]), NEXT_MINUTE[0]))
        reason = "It may answer a mail that is not decided yet."
    return failures.put_off(decision.delivery, decision.message, Cause.PARENT, reason, seconds)


def _identity(message: Message) -> str:
    """What a message is answered by, and recognised by if it comes again."""
    return message.message_id or message.sha256
