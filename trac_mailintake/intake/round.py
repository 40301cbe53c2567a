"""One round of one service: list, claim, fetch, archive, file, and dispose last."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.disposal import Disposing
from trac_mailintake.intake.errors import Incomplete, NoLongerMine, SourceError, TemporaryFailure
from trac_mailintake.intake.forked_parser import WORTH
from trac_mailintake.intake.model import CONSUMING, Hold, Status
from trac_mailintake.intake.pipeline import ATTEMPTS, BACKOFF, RENEWAL, Deferred, refused
from trac_mailintake.intake.ports import Foreseeing, Recorded, TooLarge
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trac_mailintake.intake.errors import Fault
    from trac_mailintake.intake.model import Delivery, Listed
    from trac_mailintake.intake.pipeline import Intake, Result
    from trac_mailintake.intake.ports import Archive, ArchiveWriter, Claims, Mailbox, Recorder, Source
    from trac_mailintake.intake.settings import Service

log = logging.getLogger(__name__)

BATCH: Final = 100
"""Messages that are claimed and fetched together."""

FORESEEN: Final = WORTH
"""Messages to fetch before a second process starts to parse them (see `forked_parser.WORTH`)."""

PATIENCE: Final = Seconds(60.0)
"""How long a round waits for mail that other workers are filing."""

SHORTEST_PAUSE: Final = Seconds(0.05)
LONGEST_PAUSE: Final = Seconds(0.8)
"""Longest pause between two checks of what they have filed; the first pauses are shorter."""


@dataclass(slots=True)
class Report:
    """The result of a round. Mutable, unlike the other values here; one for each round.

    `error`: why the source could not be used, even if only to dispose of copies. `down`: why the round ended early
    because of a failure of ours.
    `deferred`: the deferred deliveries. `faults`: what an administrator must fix, one for each delivery.
    `remaining`: messages left in the mailbox because the time was up.
    `overrun`: why the service must stop, or "".
    `decided`: whether the plugins decided about a mail, and none failed over it.
    `undisposed`: all mail was filed, and `error` is only about the mailbox's copies.
    """

    counts: Counter[Status] = field(default_factory=Counter)
    deferred: list[Deferred] = field(default_factory=list)
    listed: int = 0
    error: str = ""
    down: str = ""
    faults: list[Fault] = field(default_factory=list)
    remaining: int = 0
    overrun: str = ""
    undisposed: bool = False
    decided: bool = False

    def add(self, result: Result) -> None:
        """Count what became of a delivery."""
        match result:
            case Recorded():
                self.counts[result.outcome.status] += 1
                self.decided = self.decided or result.outcome.rule not in reasons.UNASKED
            case Deferred():
                self.counts[Status.DEFERRED] += 1
                self.deferred.append(result)
                if result.fault:
                    self.faults.append(result.fault)
                if result.down:
                    self.down = result.reason


@dataclass(slots=True)
class _Course:
    """The state of a running round. `held` are deliveries that are fetched but not yet filed."""

    service: Service
    source: Source
    report: Report
    disposing: Disposing
    held: Sequence[Delivery] = ()
    taken: int = 0


class Round:
    """Runs the rounds of one environment by one worker."""

    def __init__(
        self,
        intake: Intake,
        mailbox: Mailbox,
        claims: Claims,
        recorder: Recorder,
        archive: Archive,
        archive_limit: int | None = None,
    ) -> None:
        """`archive_limit` is in bytes; a larger message is held, and left in its mailbox."""
        self._intake = intake
        self._mailbox = mailbox
        self._claims = claims
        self._recorder = recorder
        self._archive = archive
        self._archive_limit = archive_limit

    def run(
        self,
        service: Service,
        source: Source,
        *,
        limit: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        until: Seconds | None = None,
    ) -> Report:
        """File the mail in the mailbox, at most `limit` messages; start no batch after `until`.

        `until` is a `time.monotonic()`. `progress(done, all)` is called with numbers of messages.
        Never raises SourceError: the report has it.
        """
        report = Report()
        try:
            self._run(service, source, report, limit, progress, until)
        except SourceError as error:
            report.error = str(error)
        except TemporaryFailure as error:
            report.down = str(error)
        finally:
            source.close()
        return report

    def _run(
        self,
        service: Service,
        source: Source,
        report: Report,
        limit: int | None,
        progress: Callable[[int, int], None] | None,
        until: Seconds | None,
    ) -> None:
        report.error = self._mailbox.admit(service, source.account)
        if report.error:
            return
        listing = source.list()
        report.listed = len(listing)
        left = self._mailbox.reconcile(service, source.account, listing)
        course = _Course(service, source, report, Disposing(source, self._mailbox, left))
        broken = True
        try:
            for batch, coming in self._batches(course, listing, limit, until):
                self._next(course, batch, coming)
                if progress and course.taken:
                    progress(course.taken, len(listing))
            if until is not None and time.monotonic() >= until:
                report.remaining = len(self._mailbox.pending(service, source.account))
            broken = False
        finally:
            # Recorded mail is disposed of even if the connection broke during a later batch, if the source still can.
            failure = course.disposing.end(broken=broken)
            if failure and broken:
                log.info("Some copies were not disposed of; the next round tries again: %s", failure)
            elif failure:
                report.error, report.undisposed = failure, True

    def _batches(
        self, course: _Course, listing: Sequence[Listed], limit: int | None, until: Seconds | None
    ) -> Iterator[tuple[Sequence[Delivery], Sequence[Listed]]]:
        """Yield claimed batches, each with the messages after it, until this round can claim nothing more.

        Yields an empty batch to have the fetched deliveries filed first.
        """
        service, source, report = course.service, course.source, course.report
        left = len(listing) if limit is None else limit
        patience = time.monotonic() + PATIENCE
        pause = SHORTEST_PAUSE
        while not report.down:
            more = left > 0 and (until is None or time.monotonic() < until)
            most, overrun = self._claims.room(service) if more else (0, "")
            most = min(BATCH, left, most - len(course.held))
            batch: Sequence[Delivery] = ()
            if most > 0:
                batch = self._claims.claim(service, source.account, most, alone=not course.held)
            if batch:
                left -= len(batch) - _taken_again(report, batch)
                yield batch, self._mailbox.upcoming(service, source.account, min(BATCH, left))
            elif course.held:
                yield (), ()
            elif overrun:
                report.overrun = overrun
                return
            elif more and _waiting(report) and time.monotonic() < patience:
                # These are due in a moment; they count as deferred until they are claimed again.
                time.sleep(pause)
                pause = Seconds(min(2 * pause, LONGEST_PAUSE))
                self._mailbox.reconcile(service, source.account, listing)
                _leave_to_others(report, self._mailbox.pending(service, source.account))
            else:
                return
        self._claims.release(course.held)

    def _next(self, course: _Course, batch: Sequence[Delivery], coming: Sequence[Listed]) -> None:
        """Fetch and archive a batch, then file the previous one, while a second process parses this one.

        A message that must be handled alone is. If the source fails midway, the messages before are still filed.
        """
        broken: SourceError | None = None
        fetched: Sequence[Delivery] = ()
        in_hand = [*course.held, *batch]
        try:
            if batch:
                fetched, broken = self._fetched(course, batch, coming)
            self._take(course)
            course.held = fetched
            if len(batch) == 1 or broken:
                self._take(course)
        except TemporaryFailure:
            self._claims.release(in_hand)
            raise
        if broken is not None:
            raise broken

    def _fetched(
        self, course: _Course, batch: Sequence[Delivery], coming: Sequence[Listed]
    ) -> tuple[list[Delivery], SourceError | None]:
        """The archived batch as far as the source delivered it, and why not the rest. Announces `coming` to the source.

        Disposes of recorded mail while the second process starts to parse.
        """
        writer = self._archive.begin([delivery.id for delivery in batch])
        fetched: list[Delivery] = []
        broken: SourceError | None = None
        source = course.source
        try:
            fetched.extend(self._fetch(course, batch, writer))
            if isinstance(source, Foreseeing):
                source.ahead([listed for listed in coming if not self._too_large(listed)])
        except SourceError as error:
            broken = error
        writer.seal()
        got = {delivery.id for delivery in fetched}
        self._claims.release([delivery for delivery in batch if delivery.id not in got])
        if broken is None:
            course.disposing.many()
        return fetched, broken

    def _take(self, course: _Course) -> None:
        """File the fetched deliveries."""
        fetched, course.held = course.held, ()
        results = self._hold_large(course.service, [delivery for delivery in fetched if delivery.raw is None])
        results += self._intake.take(course.service, [delivery for delivery in fetched if delivery.raw is not None])
        for result in results:
            course.report.add(result)
        course.disposing.add(_consuming(results))
        course.taken += len(fetched)

    def _fetch(self, course: _Course, batch: Sequence[Delivery], writer: ArchiveWriter) -> Iterator[Delivery]:
        """Yield the deliveries with their bytes archived; `raw` stays None if one is too large for the archive."""
        wanted = {delivery.listed.locator: delivery for delivery in batch}
        small = []
        for delivery in batch:
            if self._too_large(delivery.listed):
                yield delivery
            else:
                small.append(delivery.listed)
        renewed = time.monotonic()
        unread: list[Delivery] = []
        for listed, chunks in course.source.fetch(small):
            archived = self._archived(course.report, wanted[listed.locator], chunks, writer)
            if archived is not None:
                unread += [archived] if archived.raw is not None else []
                yield archived
            if len(unread) == FORESEEN:
                self._expect(writer, unread)
            if time.monotonic() - renewed > RENEWAL:
                self._claims.renew(batch)
                renewed = time.monotonic()
        self._expect(writer, unread)

    def _archived(
        self, report: Report, delivery: Delivery, chunks: Iterator[bytes], writer: ArchiveWriter
    ) -> Delivery | None:
        """The delivery with its bytes archived, if the archive accepts them; None if they did not arrive whole."""
        try:
            raw, sha256 = writer.append(delivery, chunks, self._archive_limit)
        except TooLarge:
            _drain(chunks)
            return delivery
        except Incomplete as error:
            self._postpone(report, delivery, str(error))
            return None
        return replace(delivery, raw=raw, sha256=sha256)

    def _expect(self, writer: ArchiveWriter, unread: list[Delivery]) -> None:
        """Have these parsed by the second process."""
        writer.flush()
        self._intake.expect(unread)
        unread.clear()

    def _too_large(self, listed: Listed) -> bool:
        return self._archive_limit is not None and listed.size is not None and listed.size > self._archive_limit

    def _hold_large(self, service: Service, large: Sequence[Delivery]) -> list[Result]:
        """Hold messages that are too large for the archive, without their bytes, which stay in the mailbox."""
        results: list[Result] = []
        for delivery in large:
            size = delivery.listed.size or "too many"
            reason = reasons.TOO_LARGE(size=size, limit=self._archive_limit or 0)
            decision = refused(delivery, None, service, because(Hold, reason), [])
            try:
                results += self._recorder.record([decision])
            except NoLongerMine:
                log.info("Delivery %s was taken over by another worker", delivery.id)
        return results

    def _postpone(self, report: Report, delivery: Delivery, reason: str) -> None:
        """Defer a message that the source could not deliver whole; it stays in the mailbox.

        Its id is unknown, so any message may be an answer to it: for a while such messages wait.
        """
        log.warning("Delivery %s: %s", delivery.id, reason)
        seconds = BACKOFF[min(delivery.attempts, len(BACKOFF) - 1)]
        unknown = None if delivery.attempts + 1 < ATTEMPTS else ""
        try:
            self._claims.defer(delivery, reason, seconds=seconds, counted=True, message_id=unknown)
        except NoLongerMine:
            log.info("Delivery %s was taken over by another worker", delivery.id)
        else:
            report.add(Deferred(delivery, reason))


def _drain(chunks: Iterator[bytes]) -> None:
    """Read and discard the rest of a message: the protocol requires that it is read."""
    with contextlib.suppress(Incomplete):
        for _ in chunks:
            pass


def _consuming(results: Iterable[Result]) -> list[Delivery]:
    """The deliveries whose mailbox copy is to be disposed of: archived, and with such an outcome."""
    return [
        result.delivery
        for result in results
        if isinstance(result, Recorded) and result.outcome.status in CONSUMING and result.delivery.raw is not None
    ]


def _waiting(report: Report) -> bool:
    return any(result.soon for result in report.deferred)


def _taken_again(report: Report, batch: Sequence[Delivery]) -> int:
    """Remove deliveries that are claimed again from the deferred ones. Returns their number."""
    again = {delivery.id for delivery in batch}
    return _drop(report, lambda result: result.delivery.id in again)


def _leave_to_others(report: Report, pending: Sequence[Listed]) -> None:
    """Remove deliveries that another worker has recorded meanwhile from the deferred ones."""
    locators = {listed.locator for listed in pending}
    _drop(report, lambda result: result.soon and result.delivery.listed.locator not in locators)


def _drop(report: Report, done: Callable[[Deferred], bool]) -> int:
    before = len(report.deferred)
    report.deferred = [result for result in report.deferred if not done(result)]
    report.counts[Status.DEFERRED] -= before - len(report.deferred)
    return before - len(report.deferred)
