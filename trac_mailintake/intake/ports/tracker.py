"""screen, route, handle: what deciding needs from the tracker and from the hooks. Nothing of ours is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trac_mailintake.intake.model import Change, Delivery, Objection, Outcome, Sender, Step, Target
    from trac_mailintake.intake.ports.reader import Reader
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change that passed Trac's checks: permissions, workflow, manipulators. `native` is the tracker's own object.

    `steps` say what was decided on the way (reopened, attachments refused, checks skipped). `fields`: what a new ticket
    will have, by name, if not empty; without summary, text, reporter and cc. `cc`: what will be added to it.
    """

    change: Change
    native: object
    steps: tuple[Step, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    cc: tuple[str, ...] = ()


class Tracker(Protocol):
    """The tracker's part of deciding. It writes nothing of ours; Trac's manipulators may write."""

    reader: Reader

    def sender(self, message: Message, service: Service) -> Sender:
        """Who the message is from (docs/behaviour.md#sender)."""

    def prepare(
        self, change: Change, message: Message, service: Service, *, explain: bool = False
    ) -> Prepared | Objection:
        """Check a change as the web interface would, and stage its attachments unless `explain`.

        With `explain`, manipulators that may write are skipped, and the steps say so.
        """


class Rules(Protocol):
    """The hooks, called for one service. All raise Misconfiguration if a plugin fails."""

    def screen(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Sequence[Objection]:
        """All objections."""

    def route(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Target:
        """The first answer of a hook; a new ticket if there is none."""

    def handle(self, message: Message, target: Target, service: Service, sender: Sender) -> Change | Objection:
        """The service's handler, then the amendments of `mailintake_change`."""

    def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
        """Tell the plugins of a committed outcome."""
