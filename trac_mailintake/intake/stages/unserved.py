"""screen: holds mail that was fetched from a mailbox which no service reads any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Never

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Hold
from trac_mailintake.intake.reasons import because

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.intake.model import Delivery, Objection, Outcome, Sender, Target
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message


@dataclass(frozen=True, slots=True)
class UnservedRules:
    """`ports.Rules` that hold everything: whoever set the service up for this mail has removed or changed it.

    `label`: the mailbox, for people.
    """

    label: str

    def screen(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Sequence[Objection]:
        """Hold it."""
        del message, delivery, service, sender
        return (because(Hold, reasons.UNSERVED(label=self.label)),)

    def route(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Never:
        """Never called after an objection."""
        raise NotImplementedError

    def handle(self, message: Message, target: Target, service: Service, sender: Sender) -> Never:
        """Never called after an objection."""
        raise NotImplementedError

    def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
        """Plugins are told of tickets and comments only."""
