"""screen: when a mail arrived. Its own Date never counts (docs/behaviour.md#rates)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trac_mailintake.mail.headers.field_values import date

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Listed
    from trac_mailintake.mail.message import Message


def arrival(listed: Listed | None, message: Message | None) -> datetime:
    """The time of arrival, in UTC, never later than now: by the mailbox, or by the topmost Received if earlier.

    So a backlog counts at its arrival, whenever it is fetched, and copied files count when they were received.
    The mail's own Date says nothing: with an old one, everybody would be outside the rates.
    """
    now = datetime.now(UTC)
    known = [now]
    if listed is not None and listed.arrived is not None:
        known.append(listed.arrived)
    if message is not None:
        received = message.get_all("Received")
        said = date(received[0].rpartition(";")[2]) if received else None
        if said is not None:
            known.append(said)
    return min(known)
