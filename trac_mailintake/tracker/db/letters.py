"""record: the table of our own outgoing mail, `mailintake_outbox`. Nothing else writes it.

A letter is written in the transaction of its cause, so that it is sent if and only if that was committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.lease import Terms
from trac_mailintake.tracker.db.leased_queue import LeasedQueue
from trac_mailintake.tracker.db.transaction import HOUR, MINUTE, now

if TYPE_CHECKING:
    from trac_mailintake.tracker.db.leased_queue import Claimed
    from trac_mailintake.tracker.db.transaction import Connection

LETTERS: Final = LeasedQueue(
    "mailintake_outbox",
    done="sent",
    owned=True,
    terms=Terms(
        lease=Microseconds(10 * MINUTE),
        backoff=tuple(map(Microseconds, (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR))),
    ),
)
"""The letters that are not sent yet."""


def write(
    db: Connection,
    kind: str,
    service: str,
    delivery: int | None,
    recipient: str = "",
    subject: str = "",
    body: str = "",
) -> None:
    """Write a letter. `kind` is `forward`, `alert` or `notice`; for its other fields see `outgoing.render`."""
    db(
        "INSERT INTO mailintake_outbox (kind, delivery, service, recipient, subject, body, fence, lease, attempts, "
        "retry_at, created, sent, digest) VALUES (%s, %s, %s, %s, %s, %s, 0, 0, 0, 0, %s, 0, 0)",
        (kind, delivery, service, recipient, subject, body, now()),
    )


def wait_for_digest(db: Connection, claimed: Claimed, until: Microseconds) -> bool:
    """Let an alert wait, to be sent together with others. Returns False if the claim is no longer ours."""
    return LETTERS.postponed(db, claimed, until, "digest=1")


def drop_unsent(db: Connection, before: Microseconds) -> None:
    """Give up what has waited since before this moment. Forwards are never given up: their mail is held."""
    db("DELETE FROM mailintake_outbox WHERE sent=0 AND kind<>'forward' AND created<%s", (before,))


def drop_sent(db: Connection, before: Microseconds) -> None:
    """Remove the rows of what was sent before this moment."""
    db("DELETE FROM mailintake_outbox WHERE sent>0 AND sent<%s", (before,))


def withdraw(db: Connection, delivery: int) -> None:
    """Do not send what waits for this delivery."""
    db("DELETE FROM mailintake_outbox WHERE delivery=%s AND sent=0", (delivery,))
