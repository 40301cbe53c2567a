"""What happens to a mail that fails, as a table (docs/behaviour.md#when-it-fails).

Nothing is lost: a mail that gets no outcome stays in its mailbox, and is claimed again when its time has come.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.decisions import refused
from trac_mailintake.intake.errors import Fault, Misconfiguration, NoLongerMine, Stale, TemporaryFailure
from trac_mailintake.intake.model import Forward, Hold
from trac_mailintake.intake.ports import Recorded, TooLarge
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.scrub import scrub

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Delivery, Objection
    from trac_mailintake.intake.ports import Ports, Refused
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message

log = logging.getLogger(__name__)

ATTEMPTS: Final = 5
"""Failures of the message's own after which it is given up: forwarded or held."""

FETCHES: Final = 5
"""A message is held after so many tries to fetch it failed that count against it, if the first was `FETCHING` ago."""

FETCHING: Final = Seconds(24 * 3600.0)
"""So that no outage of a server, however long an administrator sleeps, puts mail into quarantine."""

DEATHS: Final = 3
"""A message is held after so many processes died while they held only this one."""

SHORTLY: Final = Seconds(2.0)
"""A mail whose next attempt is due within this time is waited for by the round that deferred it."""

LATER: Final = Seconds(10.0)
"""Until a mail that was not asked for is due: not in this round, but in the next."""

AT_ONCE: Final = (Seconds(0.1),)
NEXT_MINUTE: Final = (Seconds(60.0),)
BACK_OFF: Final = tuple(map(Seconds, (60.0, 300.0, 1200.0, 3600.0)))
"""The time until the next attempt, by the number of failed ones; after these always the last."""


class Deaths(Exception):  # noqa: N818 - a fact about the message
    """Too many processes died while they held only this message."""


class Cause(Enum):
    """Why a mail gets no outcome for now, or not the one that the rules would give it."""

    TAKEN_OVER = "Another worker has taken the mail over."
    OVERTAKEN = "What the decision relied on has changed."
    PARENT = "The mail that it answers is not recorded yet."
    DOWN = "Something of ours is down: the round should end."
    FAULT = "A plugin or a setting is wrong: an administrator must fix it."
    SOURCE = "The source did not deliver the message, or not whole."
    MESSAGE = "The message itself causes the failure."


class Then(Enum):
    """What is done about it."""

    NOTHING = "Nothing is written: the row is another worker's."
    HOLD = "It is held at once."
    DEFER = "It is deferred."
    LIMIT = f"An attempt is counted, and it is deferred; after {ATTEMPTS} it is forwarded or held."


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table. `again`: the time until the next attempt, by the number of failed ones."""

    failure: type[Exception]
    cause: Cause
    then: Then
    again: tuple[Seconds, ...] = NEXT_MINUTE


TABLE: Final = (
    Row(NoLongerMine, Cause.TAKEN_OVER, Then.NOTHING),
    Row(Stale, Cause.OVERTAKEN, Then.DEFER, AT_ONCE),
    Row(TemporaryFailure, Cause.DOWN, Then.DEFER),
    Row(Misconfiguration, Cause.FAULT, Then.DEFER),
    Row(TooLarge, Cause.MESSAGE, Then.HOLD),
    Row(Deaths, Cause.MESSAGE, Then.HOLD),
    Row(Exception, Cause.MESSAGE, Then.LIMIT, BACK_OFF),
)
"""What counts is the first row that an exception is an instance of."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """A delivery for a later round. `fault`: what an administrator must fix, if that is the cause."""

    delivery: Delivery
    cause: Cause
    reason: str
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that this round takes again in a moment."""

    delivery: Delivery
    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A delivery that another worker has: it gets no result here."""

    delivery: Delivery


Undecided = Deferred | Waiting | TakenOver


def row_of(error: Exception) -> Row:
    """The row of the table for an exception."""
    return next(row for row in TABLE if isinstance(error, row.failure))


class Failures:
    """Does what the table says."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def handle(
        self, service: Service, delivery: Delivery, message: Message | None, error: Exception
    ) -> Refused | Undecided:
        """Defer a mail, or decide to hold or forward it. `message`: None if it could not be read."""
        log.debug("Delivery %s (%s) failed", delivery.id, delivery.listed.locator, exc_info=error)
        error = self._ports.runtime.named(error)
        row = row_of(error)
        if row.then is Then.NOTHING:
            return TakenOver(delivery)
        if row.then is Then.HOLD:
            return refused(delivery, message, service, self._objection(delivery, error))
        if row.then is not Then.LIMIT:
            return self._defer(row, delivery, message, error, str(error))
        reason = scrub(f"{type(error).__name__}: {error}")
        log.error("Delivery %s (%s) failed: %s", delivery.id, delivery.listed.locator, reason, exc_info=error)
        if delivery.attempts + 1 < ATTEMPTS:
            return self._defer(row, delivery, message, error, reason)
        # The forward address also gets failed mail (as JIRA's Forward Email does); without one the mail is held.
        given_up = because(Forward, reasons.FAILED(attempts=ATTEMPTS, error=reason))
        return refused(delivery, message, service, given_up)

    def missed(self, delivery: Delivery, reason: str, *, asked: bool = True) -> Recorded | Undecided:
        """Defer a mail that did not come, or not whole; one that was `unreadable` before is held again.

        `asked`: it was asked for by itself, so that it is its turn to wait longer than others.
        """
        self._ports.runtime.deciding.rest()
        seconds = BACK_OFF[min(delivery.misses, len(BACK_OFF) - 1)] if asked else LATER
        message_id = self._unknown(delivery.attempts + delivery.misses + asked)
        try:
            outcome = self._ports.claims.miss(
                delivery, scrub(reason), seconds=seconds, asked=asked, message_id=message_id
            )
        except NoLongerMine:
            return TakenOver(delivery)
        except TemporaryFailure as error:
            return Deferred(delivery, Cause.DOWN, f"{reason} ({error})")
        return Recorded(delivery, outcome) if outcome else Deferred(delivery, Cause.SOURCE, reason)

    def _unknown(self, tries: int) -> str | None:
        """The id of a mail that could not be read so often. Replies wait while it is None: it may be what they answer.

        They wait for its first retry only, and not for all that may follow in a day.
        """
        return None if tries <= 1 else ""

    def put_off(
        self,
        delivery: Delivery,
        message: Message | None,
        cause: Cause,
        reason: str,
        seconds: Seconds = NEXT_MINUTE[0],
        *,
        counted: bool = False,
    ) -> Undecided:
        """Defer a mail for `seconds`; `counted`: the failure was the message's own. Releases the claim."""
        self._ports.runtime.deciding.rest()
        message_id = (message.message_id or "") if message else self._unknown(delivery.attempts + counted)
        try:
            self._ports.claims.defer(delivery, scrub(reason), seconds=seconds, counted=counted, message_id=message_id)
        except NoLongerMine:
            return TakenOver(delivery)
        except TemporaryFailure as error:
            # The claim expires, and the mail is still in its mailbox.
            return Deferred(delivery, Cause.DOWN, f"{reason} ({error})")
        return Waiting(delivery, cause, reason) if seconds <= SHORTLY else Deferred(delivery, cause, reason)

    def _defer(self, row: Row, delivery: Delivery, message: Message | None, error: Exception, reason: str) -> Undecided:
        seconds = row.again[min(delivery.attempts, len(row.again) - 1)]
        done = self.put_off(delivery, message, row.cause, reason, seconds, counted=row.then is Then.LIMIT)
        if isinstance(error, Misconfiguration) and isinstance(done, Deferred) and done.cause is Cause.FAULT:
            return replace(done, fault=Fault.of(error))
        return done

    def _objection(self, delivery: Delivery, error: Exception) -> Objection:
        """Why a mail is held at once."""
        if isinstance(error, TooLarge):
            size, limit = delivery.listed.size or "too many", self._ports.archive_limit or 0
            return because(Hold, reasons.TOO_LARGE(size=size, limit=limit))
        return because(Hold, reasons.CRASHES(deaths=delivery.deaths))
