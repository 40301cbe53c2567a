"""record: sends our own mail, which was written to the outbox in the outcome's transaction.

A forward counts only once the outgoing server has accepted it; until then its delivery is held.
Repeated failures become one digest: the first of an hour is sent at once, later ones together.
Mail is sent at least once: a crash between the server's answer and our note of it sends it again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac.notification.api import NotificationSystem

from trac_mailintake.intake import reasons
from trac_mailintake.intake.times import Microseconds, Seconds
from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.letters import LETTERS
from trac_mailintake.tracker.db.transaction import DAY, HOUR, marks, now, temporary, transaction
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.options import sends
from trac_mailintake.tracker.outgoing import render
from trac_mailintake.tracker.outgoing.headers import path
from trac_mailintake.tracker.outgoing.render import COLUMNS, Due
from trac_mailintake.tracker.outgoing.smtp_time_budget import Patience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.tracker.workers import Worker

_APART: Final = HOUR
"""Least time between two mails about failures of the same service."""
_STALE: Final = Microseconds(7 * DAY)
"""Age after which mail is given up. Forwards never are."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """The result of one pass over the queue. `failure` is the reason of the last failure."""

    sent: int
    failed: int
    waiting: int
    failure: str = ""


class Outbox:
    """The outbox of one environment, for one worker."""

    def __init__(self, env: Environment, worker: Worker) -> None:
        """Reads nothing before `flush` or `waiting`."""
        self._env = env
        self._worker = worker
        self._patience = Patience()

    def waiting(self) -> int:
        """The number of messages not yet sent. Raises TemporaryFailure."""
        return LETTERS.waiting(self._env)

    def flush(self, *, force: bool = False, rules: Sequence[str] = ()) -> Flushed:
        """Send what is due (with `force` everything): claim, send and note each message. Raises TemporaryFailure.

        With `rules`, only alerts with one of these rules.
        """
        waiting = self.waiting()
        if not waiting:
            return Flushed(0, 0, 0)
        if not sends(self._env):
            why = "Sending is off: set [notification] smtp_enabled = true. Until then what is to be forwarded is held."
            return Flushed(0, 0, waiting, why)
        self._drop_stale()
        sent = failed = 0
        failure = ""
        for row in self._due_ids(rules, force=force):
            if self._patience.lost:
                break
            refusal = self._try(row, force=force)
            if refusal:
                failed, failure = failed + 1, refusal
            elif refusal is not None:
                sent += 1
        return Flushed(sent, failed, self.waiting(), failure)

    def _try(self, row: int, *, force: bool) -> str | None:
        """Claim one and send it. Returns "" if it was sent, why it failed, or None if it was not its turn."""
        due = self._claim(row)
        if due is None or (not force and self._postponed(due)):
            return None
        began = Seconds(time.monotonic())
        refusal = self._send([due, *self._others(due)])
        self._patience.waited(began, sent=not refusal)
        return refusal

    def _drop_stale(self) -> None:
        with transaction(self._env) as db:
            letters.drop_unsent(db, Microseconds(now() - _STALE))

    def _due_ids(self, rules: Sequence[str], *, force: bool) -> list[int]:
        only = f"kind='alert' AND subject IN ({marks(rules)})" if rules else ""
        return LETTERS.due(self._env, only, rules, force=force)

    def _claim(self, row: int) -> Due | None:
        """Claim one, unless another worker has it. What is to be sent with others may not be due itself."""
        with transaction(self._env) as db:
            if not LETTERS.claim(db, row, self._worker.owner, force=True):
                return None
            rows = db(
                f"SELECT {COLUMNS} FROM mailintake_outbox o LEFT JOIN mailintake_delivery d ON d.id=o.delivery "
                "LEFT JOIN mailintake_service s ON s.name=o.service WHERE o.id=%s",
                (row,),
            )
        return Due(*rows[0])

    # the digest of repeated failures

    def _postponed(self, due: Due) -> bool:
        """Whether the administrator was recently notified of a failure: then this waits for the digest."""
        if not due.failure:
            return False
        with transaction(self._env) as db:
            rows = db(
                "SELECT MAX(sent) FROM mailintake_outbox WHERE service=%s AND sent>0 AND kind<>'notice' "
                f"AND subject IN ({marks(reasons.ALARMING)})",
                (due.service, *reasons.ALARMING),
            )
            then = Microseconds((rows[0][0] or 0) + _APART)
            waits = then > now()
            if waits:
                letters.wait_for_digest(db, due, then)
        return waits

    def _others(self, due: Due) -> list[Due]:
        """The other rows for the same digest, claimed."""
        if not due.digest:
            return []
        with temporary(self._env):
            rows = self._env.db_query(
                "SELECT id FROM mailintake_outbox WHERE sent=0 AND digest=1 AND service=%s AND id<>%s ORDER BY id",
                (due.service, due.id),
            )
        return [other for (row,) in rows if (other := self._claim(row)) is not None]

    # sending

    def _send(self, dues: Sequence[Due]) -> str:
        """Send one row, or several as a digest, and note it. Returns why it failed, or ""."""
        first = dues[0]
        recipient = render.recipient(self._env, dues)
        if not recipient:
            why = (
                f"{first.name}: there is no address to send it to; set forward=ADDRESS in the service {first.service}."
            )
            self._failed(dues, why)
            return why
        try:
            content = render.render(self._env, dues, recipient)
            NotificationSystem(self._env).send_email(path(self._env), [recipient], content)
        except Exception as error:  # noqa: BLE001 - whatever the sender raises, the row is tried again
            why = f"{first.name} could not be sent to {recipient}: {error}"
            self._env.log.error(why)
            self._failed(dues, why)
            return why
        self._accepted(dues, recipient)
        return ""

    def _failed(self, dues: Sequence[Due], why: str) -> None:
        for due in dues:
            with transaction(self._env) as db:
                LETTERS.failed(db, due, why)

    def _accepted(self, dues: Sequence[Due], recipient: str) -> None:
        digest = len(dues) > 1
        with transaction(self._env) as db:
            for due in dues:
                LETTERS.finished(db, due, fenced=False)  # it is sent, whoever has the claim by now
                if due.kind == "notice":
                    transitions.sender_told(db, due.delivery)
                elif due.kind == "alert":
                    transitions.admin_told(db, due.delivery)
                else:
                    wording = reasons.DIGESTED if digest else reasons.FORWARDED
                    reason = wording(reason=due.reason, recipient=recipient).sentence
                    pending = reasons.FORWARD_PENDING.slug
                    transitions.forwarded(db, due.delivery, due.rule, reason, pending=pending, digest=digest)
