"""fetch: writes each batch to the archive, one ahead of what is filed, so that the parser may begin with it."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trac_mailintake.intake.errors import Incomplete, SourceError, TemporaryFailure
from trac_mailintake.intake.ports import Foreseeing, TooLarge
from trac_mailintake.intake.stages.ask import Asking
from trac_mailintake.intake.stages.claim import Lease
from trac_mailintake.intake.stages.heads import Heads
from trac_mailintake.intake.stages.parse import readable
from trac_mailintake.mail.content_digest import PassingDigest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.failures import Failures, Undecided
    from trac_mailintake.intake.model import Delivery, Listed
    from trac_mailintake.intake.ports import Ports, Recorded, Source
    from trac_mailintake.intake.report import Report, Result
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.stages.claim import Batch, Claiming

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What can be filed now: deliveries with their bytes archived; `raw` is None if a message is too large.

    `results`: what became of messages that did not come, or not whole. `broken`: the source delivers no more.
    """

    ready: Sequence[Delivery]
    results: Sequence[Result] = ()
    broken: bool = False


class Fetching:
    """The batches of one round on their way into the archive."""

    def __init__(self, ports: Ports, failures: Failures, service: Service, source: Source) -> None:
        self._ports = ports
        self._failures = failures
        self._source = source
        # What is handed over lies in no mailbox: it would be lost if its bytes were not kept.
        asks = service.recipients.catchemail and not service.pushed
        self._heads = Heads(ports, failures, service, source) if asks else None
        self._asking = Asking(source)
        self._ahead: Sequence[Delivery] = ()
        """The batch that is fetched and not yet filed."""

    def batches(self, claiming: Claiming) -> Iterator[Fetched]:
        """Yield batch after batch while the parser begins with the next one, until no more can be claimed.

        Raises SourceError, after what came before it has been yielded; TemporaryFailure if the archive or the database
        cannot be used.
        """
        while not claiming.down:
            batch = claiming.claim(len(self._ahead))
            if batch is not None:
                yield from self._next(batch, claiming)
            elif self._ahead:
                yield Fetched(self._take())
            elif not claiming.wait():
                return

    def _next(self, batch: Batch, claiming: Claiming) -> Iterator[Fetched]:
        """Fetch a batch and yield the one before it. A single message is ready at once: it may have to be alone."""
        before = self._take()
        fetch = _Fetch(self._ports, self._failures, self._heads, batch, before)
        try:
            broken = fetch.run(self._source, self._asking)
            ready = fetch.sealed()
            claiming.archived(ready)
            fetch.leave()
        except TemporaryFailure:
            yield Fetched((), fetch.unfiled, broken=True)
            raise
        claiming.release(fetch.missing)
        if broken is None and len(batch.deliveries) > 1:
            self._ahead, ready = ready, []
        yield Fetched([*before, *ready], fetch.unfiled, broken=broken is not None)
        if broken is not None:
            raise broken

    @contextmanager
    def blaming(self, report: Report) -> Iterator[None]:
        """After the block: count a try against what did not come although other messages did. Raises TemporaryFailure.

        Not if something of ours is down, or after an unexpected failure.
        """
        try:
            yield
        except SourceError:
            self._blame(report)
            raise
        self._blame(report)

    def _blame(self, report: Report) -> None:
        blamed = self._asking.blamed()
        if blamed:
            report.add(self._ports.claims.blame(blamed))

    def _take(self) -> Sequence[Delivery]:
        taken, self._ahead = self._ahead, ()
        return taken


class _Fetch:
    """One batch on its way into the archive."""

    def __init__(
        self, ports: Ports, failures: Failures, heads: Heads | None, batch: Batch, before: Sequence[Delivery]
    ) -> None:
        """`before` is in hand, too."""
        self._ports = ports
        self._failures = failures
        self._heads = heads
        self._batch = batch
        self._in_hand = [*before, *batch.deliveries]
        self._writer = ports.archive.begin([delivery.id for delivery in batch.deliveries])
        self._wanted = [each for each in batch.deliveries if self._is_wanted(each)]
        self._fetched = [each for each in batch.deliveries if not self._is_wanted(each)]
        self._unread: list[Delivery] = []
        self._lease = Lease(ports)
        self.unfiled: list[Recorded | Undecided] = []
        """What became of the messages that did not come whole, or are for others."""

    def run(self, source: Source, asking: Asking) -> SourceError | None:
        """Archive what the source delivers, and announce to it what comes after that. Returns why it broke, if so."""
        if self._heads is not None:
            self._screen(self._heads, asking)
        broken = asking.fetch([each for each in self._wanted if not self._is_for_others(each)], self)
        self._expect()
        # Of mail that may be for others the headers come first.
        if broken is None and self._heads is None and asking.unbroken and isinstance(source, Foreseeing):
            return self._announce(source, asking)
        return broken

    def _announce(self, source: Foreseeing, asking: Asking) -> SourceError | None:
        """Announce what comes after this batch. Returns why the source broke, if so."""
        coming = [listed for listed in self._batch.coming if not self._too_large(listed)]
        asking.foresee(len(coming))
        try:
            source.ahead(coming)
        except SourceError as error:
            return error
        return None

    def _screen(self, heads: Heads, asking: Asking) -> None:
        """Ask for the headers of what is in no archive, also of what is too large for it."""
        heads.ask([each for each in self._batch.deliveries if each.raw is None], asking)
        self._fetched = [each for each in self._fetched if not self._is_for_others(each)]
        self._lease.keep(self._in_hand)

    def _is_for_others(self, delivery: Delivery) -> bool:
        return self._heads is not None and self._heads.are_others(delivery)

    def leave(self) -> None:
        """Record what is for others: it stays where it is. Raises TemporaryFailure."""
        if self._heads is not None:
            self.unfiled += self._heads.record()

    @property
    def missing(self) -> list[Delivery]:
        """The deliveries that the source did not deliver."""
        came = {each.id for each in self._fetched} | {each.delivery.id for each in self.unfiled}
        return [each for each in self._batch.deliveries if each.id not in came]

    def sealed(self) -> list[Delivery]:
        """The deliveries in the order in which they were claimed, with bytes that are durable from now on."""
        self._writer.seal()
        places = {each.id: place for place, each in enumerate(self._batch.deliveries)}
        return sorted(self._fetched, key=lambda each: places[each.id])

    def take(self, delivery: Delivery, chunks: Iterator[bytes]) -> Incomplete | None:
        """Write one message to the archive, if the archive takes it and it comes whole: see `ask.Hands`."""
        content = PassingDigest()
        try:
            ours = chunks if self._heads is None else self._heads.ours(delivery, chunks)
            if ours is None:
                _drain(chunks)
                return None
            raw, sha256 = self._writer.append(delivery, content.through(ours), self._ports.archive_limit)
        except TooLarge:
            _drain(chunks)
            self._fetched.append(delivery)
        except Incomplete as error:
            return error
        else:
            archived = replace(delivery, raw=raw, sha256=sha256, content=content.hexdigest(sha256))
            self._fetched.append(archived)
            self._unread.append(archived)
        if len(self._unread) >= self._ports.runtime.parser.together:
            self._expect()
        self._lease.keep(self._in_hand)
        return None

    def miss(self, delivery: Delivery, reason: str, *, asked: bool) -> None:
        """Defer a message that did not come: see `ask.Hands`."""
        log.warning("Delivery %s: %s", delivery.id, reason)
        self.unfiled.append(self._failures.missed(delivery, reason, asked=asked))
        self._lease.keep(self._in_hand)

    def _expect(self) -> None:
        """Let the parser begin with what has come."""
        self._writer.flush()
        raws = [raw for each in self._unread if not isinstance(raw := readable(each), Exception)]
        self._ports.runtime.parser.expect(raws)
        self._unread.clear()

    def _is_wanted(self, delivery: Delivery) -> bool:
        """Whether to fetch it: not what an earlier worker archived and nobody decided, nor what is too large."""
        return delivery.raw is None and not self._too_large(delivery.listed)

    def _too_large(self, listed: Listed) -> bool:
        limit = self._ports.archive_limit
        return limit is not None and listed.size is not None and listed.size > limit


def _drain(chunks: Iterator[bytes]) -> None:
    """Read and discard the rest of a message: the protocol requires that it is read."""
    with suppress(Incomplete):
        for _ in chunks:
            pass
