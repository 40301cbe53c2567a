"""screen, route: sends released mail the same way, bypassing all screens, to the chosen ticket."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Followup, NewTicket, Objection, Proof
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings import Values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trac_mailintake.intake.model import Change, Delivery, Outcome, Sender, Target
    from trac_mailintake.intake.ports import Prepared, Rules, Tracker
    from trac_mailintake.intake.settings import Service, Value
    from trac_mailintake.mail.message import Message

ANY: Final = "create-or-comment"
"""The handler that can do either."""
_APART: Final = "(An administrator made this answer to an earlier mail a ticket of its own.)"


@dataclass(frozen=True, slots=True)
class ReleasingRules:
    """`ports.Rules` that object to nothing, and file everything in `ticket` (None: a new one)."""

    rules: Rules
    ticket: int | None
    defaults: Mapping[str, Value] = field(default_factory=dict)
    """The parameters of `ANY`, which files what the service's handler does not."""

    def screen(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Sequence[Objection]:
        """No objections: the administrator has seen the mail."""
        del message, delivery, service, sender
        return ()

    def route(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Target:
        """The chosen ticket. A new one has a note if the mail answers another ticket."""
        del delivery, service, sender
        if self.ticket is not None:
            return because(Followup, reasons.RELEASED(), ticket=self.ticket, proof=Proof.HANDLER)
        answers = message.in_reply_to or message.references
        return because(NewTicket, reasons.RELEASED(), note=_APART if answers else "")

    def handle(self, message: Message, target: Target, service: Service, sender: Sender) -> Change | Objection:
        """The service's handler, but always in the chosen ticket, whatever the handler or a plugin says.

        A handler that only comments, or finds no ticket, makes none either: then `ANY` makes it.
        """
        answer = self.rules.handle(message, target, service, sender)
        if isinstance(answer, Objection) or (self.ticket is None and not isinstance(answer.target, NewTicket)):
            parameters = Values({**self.defaults, **service.parameters.values})
            answer = self.rules.handle(message, target, replace(service, handler=ANY, parameters=parameters), sender)
        return answer if isinstance(answer, Objection) else replace(answer, target=target)

    def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
        """Tell the plugins, as of all mail."""
        self.rules.recorded(message, outcome, service, sender)


class ReleasingTracker:
    """`ports.Tracker` that uses the permissions of `user`, if there is one; the author stays the sender."""

    def __init__(self, tracker: Tracker, user: str) -> None:
        self._tracker = tracker
        self._user = user
        self.reader = tracker.reader

    def sender(self, message: Message, service: Service) -> Sender:
        """The sender, with the permissions of the user who releases the mail."""
        sender = self._tracker.sender(message, service)
        if not self._user:
            return sender
        return replace(sender, username=self._user, reason=f"{sender.reason}; released with the rights of {self._user}")

    def prepare(
        self, change: Change, message: Message, service: Service, *, explain: bool = False
    ) -> Prepared | Objection:
        """As for all mail: if Trac refuses the change, the mail stays held, with the reason."""
        return self._tracker.prepare(change, message, service, explain=explain)
