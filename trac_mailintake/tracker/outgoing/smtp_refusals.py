"""record: a notification that the outgoing server refuses for good is owed no longer, and the journal says so.

RFC 5321, 4.2.1: who got an answer that begins with 5 should not try again. Only what is said of this mail counts, its
recipients and its content; a sender's address or a password that is refused is a setting to be mended, and until then
the notification is owed.
"""

from __future__ import annotations

from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import TYPE_CHECKING, Final

from trac.util.datefmt import from_utimestamp, to_utimestamp

from trac_mailintake.tracker.db.transaction import DAY, now, transaction
from trac_mailintake.tracker.outgoing.headers import line

if TYPE_CHECKING:
    from datetime import datetime

    from trac.env import Environment

_PERMANENT: Final = 500
_STALE: Final = 7 * DAY
"""After so long nobody wants to be told any more."""


def for_good(error: Exception) -> str:
    """What the server said that no other try would change; "" when one might."""
    match error:
        case SMTPRecipientsRefused():
            answers = [(f"{address} ", *answer) for address, answer in sorted(error.recipients.items())]
        case SMTPDataError():
            answers = [("", error.smtp_code, _bytes(error.smtp_error))]
        case _:
            return ""
    if not answers or any(code < _PERMANENT for _, code, _ in answers):
        return ""
    return line("; ".join(f"{whom}{code} {said.decode('utf-8', 'replace')}" for whom, code, said in answers))


def stale(when: datetime) -> bool:
    """Whether what happened then is too long ago to be told of."""
    return when < from_utimestamp(now() - _STALE)


def note(env: Environment, ticket: int, when: datetime, why: str) -> None:
    """Add to the journal why somebody was not told of what a mail did to a ticket then. Raises TemporaryFailure."""
    env.log.warning("The notification for ticket #%s is given up: %s", ticket, why)
    query = "SELECT id, reason FROM mailintake_delivery WHERE ticket=%s AND filed=%s"
    with transaction(env) as db:
        for row, reason in db(query, (ticket, to_utimestamp(when))):
            said = f"{reason or ''} Its notification was given up: {why}.".strip()
            db("UPDATE mailintake_delivery SET reason=%s WHERE id=%s", (said, row))


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()
