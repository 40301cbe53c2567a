"""list: reads the messages of which the mailbox does not say whether they are known (docs/behaviour.md#the-same-mail).

Only the digest of their content is taken; nothing is archived. What turns out to be new is claimed and fetched like all
mail. What cannot be read is left in doubt, but never keeps other mail out.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import Incomplete, SourceError
from trac_mailintake.intake.ports import Marking
from trac_mailintake.mail.content_digest import content_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.model import Delivery, Listed
    from trac_mailintake.intake.ports import Ports, Source
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.stages.claim import Bounds

log = logging.getLogger(__name__)

TOGETHER: Final = 100
"""Messages that are read, and then noted together."""
_MOST: Final = 3
"""Failures of the whole source after which the rest stays in doubt until the next round."""

Reading = tuple["Listed", "str | None"]


def reconciled(
    ports: Ports, service: Service, source: Source, listing: Sequence[Listed], bounds: Bounds
) -> Sequence[Delivery]:
    """Compare a listing with what is stored. Returns what is left to dispose of. Raises TemporaryFailure."""
    marked = source.marked if isinstance(source, Marking) else ()
    left = ports.mailbox.reconcile(service, source.account, listing, marked)
    if not ports.mailbox.doubtful(source.account):
        return left
    recognise(ports, service, source, listing, bounds)
    return ports.mailbox.reconcile(service, source.account, listing, marked)


def recognise(ports: Ports, service: Service, source: Source, listing: Sequence[Listed], bounds: Bounds) -> None:
    """Read what is in doubt of a reconciled listing. Raises TemporaryFailure."""
    doubtful = ports.mailbox.doubtful(source.account)
    places = {each.locator: place for place, each in enumerate(listing)}
    for readings in _read(ports, source, sorted(doubtful, key=lambda each: places.get(each.locator, 0)), bounds):
        ports.mailbox.recognise(service, source.account, readings)


def _read(ports: Ports, source: Source, doubtful: Sequence[Listed], bounds: Bounds) -> Iterator[Sequence[Reading]]:
    """Read doubtful messages, some together, until the time is up or the source fails too often."""
    reading = _Reading(source)
    for start in range(0, len(doubtful), TOGETHER):
        if reading.failures == _MOST or (bounds.until is not None and ports.runtime.clock.now() >= bounds.until):
            break
        yield reading.take(doubtful[start : start + TOGETHER])
    if reading.suspects and (reading.came or len(doubtful) == 1):
        # They go the way of all mail, which knows what to do about such a one.
        yield [(each, None) for each in reading.suspects]


class _Reading:
    """Reads doubtful messages from one source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.failures = 0
        self.came = False
        """Whether any message came whole."""
        self.suspects: list[Listed] = []
        """Messages over which the source failed."""

    def take(self, doubtful: Sequence[Listed]) -> list[Reading]:
        """The messages that came, each with the digest of its content; None: not whole."""
        readings: list[Reading] = [(each, each.content) for each in doubtful if each.content]
        unread = [each for each in doubtful if not each.content]
        while unread and self.failures < _MOST:
            come: list[Reading] = []
            try:
                self._read(unread, come)
                unread = []
            except SourceError as error:
                self.failures += 1
                log.warning("It is not known yet which mails are new: %s", error)
                suspect = _first_after(unread, come)
                self.suspects += unread[suspect : suspect + 1]
                unread = unread[suspect + 1 :]
            readings += come
        return readings

    def _read(self, unread: Sequence[Listed], come: list[Reading]) -> None:
        for listed, chunks in self._source.fetch(unread):
            try:
                come.append((listed, content_digest(chunks)))
                self.came = True
            except Incomplete as error:
                log.info("It is not known which mail this is: %s", error)
                come.append((listed, None))


def _first_after(unread: Sequence[Listed], come: Sequence[Reading]) -> int:
    """The place of the message behind those that came."""
    if not come:
        return 0
    return unread.index(come[-1][0]) + 1
