"""The tracker's side of deciding: Trac, behind the port `intake.ports.Tracker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.builtin import rates
from trac_mailintake.tracker.lookups import TracReader
from trac_mailintake.tracker.message_ids.known import Recall
from trac_mailintake.tracker.people.directory import Directory
from trac_mailintake.tracker.tickets.permission_cache import Rights
from trac_mailintake.tracker.tickets.prepare import Drafting
from trac_mailintake.tracker.tickets.ticket_copies import Models

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.intake.model import Change, Objection, Sender
    from trac_mailintake.intake.ports import Prepared, Reader
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message
    from trac_mailintake.tracker.tickets.stage_attachments import Staging


class TracTracker:
    """The tracker of one environment. Keep it for a round: it caches what does not change from mail to mail."""

    def __init__(self, env: Environment, staging: Staging) -> None:
        self.env = env
        self.staging = staging
        self.models = Models(env)
        self.rights = Rights(env)
        self.directory = Directory(env)
        self.recall = Recall(env)
        self.reader: Reader = TracReader(env, self.directory, self.recall)

    def sender(self, message: Message, service: Service) -> Sender:
        """See `ports.Tracker.sender`."""
        return self.directory.sender(message, service)

    def prepare(
        self, change: Change, message: Message, service: Service, *, explain: bool = False
    ) -> Prepared | Objection:
        """See `ports.Tracker.prepare`. Raises Stale, Misconfiguration, OSError."""
        objection = rates.too_many(change.target, message, service, self.reader)
        if objection is not None:
            return objection
        staging = None if explain else self.staging
        return Drafting(self.env, self.models, self.rights, staging, change, message).prepare(service)
