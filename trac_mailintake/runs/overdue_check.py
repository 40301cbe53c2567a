"""Checks for overdue services in a process that takes no mail, and sends the notices that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.tracker.message_ids.ticket_mails import installed
from trac_mailintake.tracker.outgoing import overdue

if TYPE_CHECKING:
    from trac.env import Environment


def look(env: Environment) -> None:
    """Write the due notices, and send them. Does nothing before the tables exist. Raises TemporaryFailure."""
    if not installed(env):
        return
    overdue.tell(env)
    if overdue.unsent(env):
        from trac_mailintake.bootstrap import mail_queue  # noqa: PLC0415 - a large import that is hardly ever needed

        with mail_queue(env) as queue:
            queue.flush(rules=overdue.RULES)
