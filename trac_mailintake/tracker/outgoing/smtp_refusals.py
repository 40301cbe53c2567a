"""record: gives up notifications that the outgoing server refuses for good, and says so in the journal.

After a reply that begins with 5, a client should not try again (RFC 5321, 4.2.1). Only replies about this mail count,
its recipients and its content. If the sender's address or the password is refused, a setting must be fixed, and the
notification stays due.
"""

from __future__ import annotations

from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import TYPE_CHECKING, Final

from trac.util.datefmt import from_utimestamp, to_utimestamp

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.transaction import DAY, now, transaction
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.outgoing.headers import line

if TYPE_CHECKING:
    from datetime import datetime

    from trac.env import Environment

_PERMANENT: Final = 500
_STALE: Final = Microseconds(7 * DAY)
"""Age after which a notification is given up."""


def for_good(error: Exception) -> str:
    """The server's permanent refusal; "" if another attempt may succeed."""
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
    """Whether `when` is too long ago for a notification."""
    return when < from_utimestamp(now() - _STALE)


def note(env: Environment, ticket: int, when: datetime, why: str) -> None:
    """Add to the journal why the notification of a mail's change at `when` was not sent. Raises TemporaryFailure."""
    env.log.warning("The notification for ticket #%s is given up: %s", ticket, why)
    query = "SELECT id, reason FROM mailintake_delivery WHERE ticket=%s AND filed=%s"
    with transaction(env) as db:
        for row, reason in db(query, (ticket, to_utimestamp(when))):
            said = f"{reason or ''} Its notification was given up: {why}.".strip()
            transitions.explain(db, row, said)


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()
