"""screen: when a mail arrived, if possible not as its sender says (docs/behaviour.md#rates)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trac_mailintake.mail.headers.field_values import date

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Listed
    from trac_mailintake.mail.message import Message


def arrival(listed: Listed | None, message: Message | None) -> datetime:
    """When the mail arrived, in UTC, never later than now: what its mailbox says, or our last mail server, if earlier.

    So a backlog counts when it came, whenever it is fetched, and files that were copied count when they were mail.
    Of a mail that came by no mail server nobody knows better than its own Date.
    """
    now = datetime.now(UTC)
    known = [now]
    if listed is not None and listed.arrived is not None:
        known.append(listed.arrived)
    if message is not None:
        received = message.get_all("Received")
        said = date(received[0].rpartition(";")[2]) if received else message.date
        if said is not None:
            known.append(said)
    return min(known)
