"""record: messages that are listed and do not come, and held mail whose copy is to be fetched again.

A message that did not come is deferred at once (`miss`). A try counts against it only at the end of the round
(`blame`), when it is known what else came; if the worker dies before that, the try does not count. What has failed
often enough is held by the rule `unreadable`. Its row is claimed again a day later (`due`), and so is that of a mail
which was too large for the archive once its limit is raised. While one is at work its row is like that of any other
mail, so that whatever happens to its worker, the mail is fetched again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import NoLongerMine
from trac_mailintake.intake.failures import FETCHES, FETCHING
from trac_mailintake.intake.model import Outcome, Status
from trac_mailintake.intake.ports import Recorded
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.clock import ahead
from trac_mailintake.tracker.db.lease import Hold
from trac_mailintake.tracker.db.transaction import DAY, HOUR, SECOND, chunks, marks, now, transaction
from trac_mailintake.tracker.deliveries.hints import is_without_bytes
from trac_mailintake.tracker.deliveries.unclaimed import services_here
from trac_mailintake.tracker.lifecycle import stored_reasons, transitions
from trac_mailintake.tracker.lifecycle.transitions import Failure
from trac_mailintake.tracker.outgoing.enqueue import alert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.times import Seconds
    from trac_mailintake.tracker.db.transaction import Connection
    from trac_mailintake.tracker.deliveries.rows import Row
    from trac_mailintake.tracker.deliveries.session import Session

_LONGEST: Final = Microseconds(2 * DAY)
"""Longer than a held mail waits for its next try."""
_FETCHED_AGAIN: Final = reasons.ASKED_AGAIN | {reasons.TOO_LARGE.slug}
"""The rules by which a mail is held without its bytes."""


def miss(
    session: Session, claimed: Delivery, reason: str, *, seconds: Seconds, asked: bool, message_id: str | None
) -> Outcome | None:
    """See `ports.Claims.miss`."""
    held = Hold(claimed.id, session.worker.owner, claimed.fence)
    span = seconds * SECOND if not claimed.unreadable else DAY if asked else HOUR
    failure = Failure(reason, Microseconds(now() + int(span)), message_id, 0, int(asked))
    session.undeferred.add(claimed.id)
    with transaction(session.env) as db:
        outcome = _outcome(reason) if claimed.unreadable else None
        done = _hold(db, held, outcome, failure) if outcome else transitions.defer(db, held, failure)
        if not done:
            raise NoLongerMine(claimed.listed.locator)
    session.undeferred.discard(claimed.id)
    session.open.discard(claimed.id)
    return outcome


def blame(session: Session, missed: Sequence[Delivery]) -> list[Recorded]:
    """See `ports.Claims.blame`. Raises TemporaryFailure."""
    found = []
    for each in missed:
        with transaction(session.env) as db:
            if transitions.blame(db, each.id, each.fence):
                outcome = _held(session, db, each)
                found += [Recorded(each, outcome)] if outcome else []
    return found


def _held(session: Session, db: Connection, missed: Delivery) -> Outcome | None:
    """Hold a mail if that was one try too many, and tell the administrator; None if it was not."""
    columns = "blamed, blamed_since, failure, COALESCE(message_id, '')"
    sql = f"SELECT {columns} FROM mailintake_delivery WHERE id=%s"
    [(blamed, since, words, message_id)] = db(sql, (missed.id,))
    if blamed < FETCHES or since > now() - FETCHING * SECOND:
        return None
    outcome = _outcome(words)
    failure = Failure(words, Microseconds(now() + DAY), message_id, 0)
    if not _hold(db, Hold(missed.id, session.worker.owner, missed.fence), outcome, failure):
        return None
    alert(session.env, db, missed.service, outcome.rule, outcome.reason, missed.id)
    return outcome


def _outcome(words: str) -> Outcome:
    error = words if words.endswith((".", "!", "?")) else f"{words}."
    return because(Outcome, reasons.UNREADABLE(error=error), status=Status.HELD)


def _hold(db: Connection, held: Hold, outcome: Outcome, failure: Failure) -> int:
    if outcome.because is None:
        raise ValueError(outcome)
    return transitions.set_aside(db, held, outcome.because, failure)


# held mail whose copy is fetched again -------------------------------------------------------------------------------


def waits(row: Row) -> bool:
    """Whether a row is held without its bytes, and its time has not come."""
    if row.rule == reasons.START_UNSURE.slug and not row.retry_at:
        return True  # until an administrator says so
    return not is_without_bytes(row) or ahead(row.retry_at, _LONGEST)


def due(env: Environment, service: Service, rows: Iterable[Row], limit: int | None) -> frozenset[int]:
    """The rows of held mail whose copies this service should fetch now, if they are listed.

    Its own, and those of services that no longer read this mailbox, or are disabled. `limit`: the largest mail that is
    archived, in bytes; None: any.
    """
    held = _served(env, service, [row for row in rows if row.rule in _FETCHED_AGAIN and not waits(row)])
    large = {row.id for row in held if row.rule == reasons.TOO_LARGE.slug}
    return frozenset(row.id for row in held if row.id not in large) | _fitting(env, large, limit)


def _served(env: Environment, service: Service, held: list[Row]) -> list[Row]:
    """Of these, the service's own, and those of no other service that runs here."""
    if all(row.service == service.name for row in held):
        return held
    others = services_here(env, service) - {service.name}
    return [row for row in held if row.service not in others]


def _fitting(env: Environment, large: set[int], limit: int | None) -> frozenset[int]:
    """Of the mails that were too large, those that may fit since the limit was raised."""
    found: set[int] = set()
    for some in chunks(sorted(large)):
        sql = f"SELECT id, size, rule, reason, because FROM mailintake_delivery WHERE id IN ({marks(some)})"
        for number, size, rule, reason, pair in env.db_query(sql, some):
            why = stored_reasons.because(rule, reason, pair)
            before = why.arguments.get("limit") if why else None
            raised = limit is None or not isinstance(before, int) or limit > before
            if raised and (limit is None or not size or size <= limit):
                found.add(number)
    return frozenset(found)
