"""A look at whether services are overdue, for a process that takes no mail: who tells, sends what he told, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.tracker.message_ids.ticket_mails import installed
from trac_mailintake.tracker.outgoing import overdue

if TYPE_CHECKING:
    from trac.env import Environment


def look(env: Environment) -> None:
    """Write the notices that are due and send them; nothing before the tables are there. Raises TemporaryFailure."""
    if not installed(env):
        return
    overdue.tell(env)
    if overdue.unsent(env):
        from trac_mailintake.bootstrap import mail_queue  # noqa: PLC0415 - a large import, and hardly ever needed

        with mail_queue(env) as queue:
            queue.flush(rules=overdue.RULES)
