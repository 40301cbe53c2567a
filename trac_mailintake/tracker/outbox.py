"""record: outgoing mail of our own, written in the outcome's transaction and delivered afterwards by the mail queue.

A forward counts as forwarded only when the outgoing server accepted it; until then its delivery is held.
Delivery is at least once: a crash between the server's answer and our noting it sends a forward again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from trac.notification.api import NotificationSystem

from trac_mailintake.tracker.archive import found
from trac_mailintake.tracker.database import SECOND, now, temporary, transaction
from trac_mailintake.tracker.forwards import Forwarded, forward

if TYPE_CHECKING:
    from collections.abc import Callable

    from trac.env import Environment

    from trac_mailintake.tracker.worker import Worker

_LEASE = 10 * 60 * SECOND
_BACKOFF = (60, 300, 900, 3600, 4 * 3600)
"""Seconds between two attempts; the last one again and again."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """What one go over the queue came to. `failure` is the last one's reason."""

    sent: int
    failed: int
    waiting: int
    failure: str = ""


class _Due(NamedTuple):
    """A row that is to be sent, as `_claim` reads it."""

    id: int
    fence: int
    attempts: int
    rule: str
    reason: str
    delivery: int
    recipient: str | None
    addresses: str | None
    archive: str | None
    archive_offset: int
    archive_length: int
    subject: str | None
    sender: str | None
    trail: str | None


class Outbox:
    """The queue of one environment, as one worker sees it."""

    def __init__(self, env: Environment, worker: Worker) -> None:
        """Nothing is read before `flush` or `waiting`."""
        self._env = env
        self._worker = worker

    def waiting(self) -> int:
        """How many are not yet sent. Raises TemporaryFailure."""
        with temporary(self._env):
            return int(self._env.db_query("SELECT COUNT(*) FROM mailintake_outbox WHERE sent=0")[0][0])

    def flush(self, *, force: bool = False, progress: Callable[[int], None] | None = None) -> Flushed:
        """Send what is due (all that waits with `force`), each claimed, sent, and noted. Raises TemporaryFailure."""
        waiting = self.waiting()
        if not waiting:
            return Flushed(0, 0, 0)
        if not self._env.config.getbool("notification", "smtp_enabled"):
            why = "Sending is off: set [notification] smtp_enabled = true. Until then what is to be forwarded is held."
            return Flushed(0, 0, waiting, why)
        sent = failed = 0
        failure = ""
        for row in self._due_ids(force=force):
            due = self._claim(row)
            if due is None:
                continue
            refusal = self._send(due)
            if refusal is None:
                sent += 1
            else:
                failed, failure = failed + 1, refusal
            if progress:
                progress(sent)
        return Flushed(sent, failed, self.waiting(), failure)

    def _due_ids(self, *, force: bool) -> list[int]:
        with temporary(self._env):
            rows = self._env.db_query(
                "SELECT id FROM mailintake_outbox WHERE sent=0 AND retry_at<=%s ORDER BY id",
                (now() + (10**18 if force else 0),),
            )
        return [row for (row,) in rows]

    def _claim(self, row: int) -> _Due | None:
        """Take one, unless another worker has it."""
        with transaction(self._env) as db:
            cursor = db.cursor()
            cursor.execute(
                "UPDATE mailintake_outbox SET owner=%s, fence=fence+1, lease=%s, attempts=attempts+1 "
                "WHERE id=%s AND sent=0 AND lease<%s",
                (self._worker.owner, now() + _LEASE, row, now()),
            )
            if cursor.rowcount != 1:
                return None
            rows = db(
                "SELECT o.id, o.fence, o.attempts, o.subject, o.body, o.delivery, s.forward, s.addresses, "
                "d.archive, d.archive_offset, d.archive_length, d.subject, d.sender, d.trail "
                "FROM mailintake_outbox o JOIN mailintake_delivery d ON d.id=o.delivery "
                "LEFT JOIN mailintake_service s ON s.name=o.service WHERE o.id=%s",
                (row,),
            )
        return _Due(*rows[0])

    def _mail(self, due: _Due) -> Forwarded:
        original = found(self._env, due.archive, due.archive_offset, due.archive_length) if due.archive else None
        trail, addresses = due.trail or "[]", due.addresses or ""
        return Forwarded(
            due.delivery, due.rule, due.reason, due.subject or "", due.sender or "", trail, addresses, original
        )

    def _send(self, due: _Due) -> str | None:
        """Send one and note it; why it failed, None when it did not."""
        if not due.recipient:
            why = f"Delivery {due.delivery}: its service has no forward address any more; set forward=ADDRESS there."
            self._failed(due, why)
            return why
        try:
            # MAIL FROM:<>: nobody shall answer to it, least of all this intake (RFC 3834, 3.3).
            NotificationSystem(self._env).send_email(
                "", [due.recipient], forward(self._env, self._mail(due), due.recipient)
            )
        except Exception as error:  # noqa: BLE001 - whatever the sender raises, the mail stays held and is tried again
            why = f"Forwarding delivery {due.delivery} to {due.recipient} failed: {error}"
            self._env.log.error(why)
            self._failed(due, why)
            return why
        self._accepted(due)
        return None

    def _failed(self, due: _Due, why: str) -> None:
        seconds = _BACKOFF[min(due.attempts, len(_BACKOFF)) - 1]
        with transaction(self._env) as db:
            db(
                "UPDATE mailintake_outbox SET lease=0, retry_at=%s, failure=%s WHERE id=%s AND owner=%s AND fence=%s",
                (now() + seconds * SECOND, why, due.id, self._worker.owner, due.fence),
            )

    def _accepted(self, due: _Due) -> None:
        with transaction(self._env) as db:
            db("UPDATE mailintake_outbox SET lease=0, sent=%s, failure=NULL WHERE id=%s", (now(), due.id))
            db(
                "UPDATE mailintake_delivery SET outcome='forwarded', rule=%s, reason=%s, admin_told=1 "
                "WHERE id=%s AND outcome='held' AND rule='forward-pending'",
                (due.rule, f"{due.reason} Forwarded to {due.recipient}.", due.delivery),
            )
