"""What was decided about a delivery, and is to be recorded: it is a duplicate, refused, or accepted.

`proved`: one of our mail servers vouches for the sender (docs/behaviour.md#proof).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Delivery, Forward, Outcome, Step
    from trac_mailintake.intake.ports.tracker import Prepared
    from trac_mailintake.mail.message import Message


@dataclass(frozen=True, slots=True)
class ToSender:
    """A letter to a mail's sender: a notice of a refusal, or an acknowledgement (docs/behaviour.md#notices).

    `proved`: one of our mail servers vouched for the address. Nothing that an unproved sender wrote is repeated.
    `most`: letters to senders that the service may send within an hour; 0: any number.
    """

    address: str
    proved: bool
    most: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The message was filed before; the outcome names the ticket."""

    delivery: Delivery
    message: Message
    outcome: Outcome
    steps: tuple[Step, ...]
    proved: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """An objection counts, or the message could not be handled: nothing is filed.

    `message`: None if it could not be read. `forward`: a forward for the outbox; the outcome is held with the rule
    `forward-pending` until the outgoing server has accepted it. `tell`: the notice to its sender.
    """

    delivery: Delivery
    message: Message | None
    outcome: Outcome
    steps: tuple[Step, ...]
    forward: Forward | None = None
    tell: ToSender | None = None
    proved: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message becomes a ticket or a comment. The outcome does not know yet which number a new one has.

    `acknowledge`: tells a sender who is not a user of the new ticket.
    """

    delivery: Delivery
    message: Message
    outcome: Outcome
    steps: tuple[Step, ...]
    prepared: Prepared
    acknowledge: ToSender | None = None
    proved: bool = False


Decision = Duplicate | Refused | Accepted
