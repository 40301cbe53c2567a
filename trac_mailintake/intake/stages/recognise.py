"""list: reads the messages of which the mailbox does not say whether they are known (docs/behaviour.md#the-same-mail).

Only the digest of their content is taken; nothing is archived. What turns out to be new is claimed and fetched like all
mail. What cannot be read stays in doubt, whatever the reason: it may be known, and would be decided once more. It
waits, the round says so, and the next one asks for it again. It never keeps other mail out.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import Incomplete, LineBroke, SourceError
from trac_mailintake.intake.model import UNREAD
from trac_mailintake.intake.ports import Marking
from trac_mailintake.intake.ports.source import IN_A_ROW
from trac_mailintake.mail.content_digest import content_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trac_mailintake.intake.model import Delivery, Listed
    from trac_mailintake.intake.ports import Ports, Source
    from trac_mailintake.intake.report import Report
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.stages.claim import Bounds

log = logging.getLogger(__name__)

TOGETHER: Final = 100
"""Messages that are read, and then noted together."""
_VAIN: Final = 3 * IN_A_ROW
"""Messages that do not come, one after the other, after which no more of those that are read together are asked for."""
_MOST: Final = 3
"""How often that may happen; also sessions that end one after the other. Then the rest waits for the next round."""
_BREAKS: Final = 12
"""Sessions that may end in all: servers count logins."""

_NAMELESS: Final = "it has no UIDL of its own, and the server does not deliver it"

Reading = tuple["Listed", str]


def reconciled(
    ports: Ports, service: Service, source: Source, listing: Sequence[Listed], bounds: Bounds, report: Report
) -> Sequence[Delivery]:
    """Compare a listing with what is stored. Returns what is left to dispose of. Raises TemporaryFailure."""
    marked = source.marked if isinstance(source, Marking) else ()
    left = ports.mailbox.reconcile(service, source.account, listing, marked)
    if not ports.mailbox.doubtful(source.account):
        return left
    words = recognise(ports, service, source, listing, bounds)
    left = ports.mailbox.reconcile(service, source.account, listing, marked)
    number = len(ports.mailbox.doubtful(source.account))
    if number:
        mails = "1 message waits" if number == 1 else f"{number} messages wait"
        report.doubtful = f"{mails} to be compared with known mail: {words or 'the time was up'}"
        log.warning("%s: %s", source.account.label, report.doubtful)
    return left


def recognise(ports: Ports, service: Service, source: Source, listing: Sequence[Listed], bounds: Bounds) -> str:
    """Read what is in doubt of a reconciled listing. Returns why not all could be read. Raises TemporaryFailure."""
    clock, until = ports.runtime.clock, bounds.until
    reading = _Reading(source, lambda: until is not None and clock.now() >= until)
    places = {each.locator: place for place, each in enumerate(listing)}
    doubtful = sorted(ports.mailbox.doubtful(source.account), key=lambda each: places.get(each.locator, 0))
    # Each minute another one is the first, so that those that do not come are not always before the others.
    first = int(clock.now() / 60) % max(1, len(doubtful))
    for readings in reading.all([*doubtful[first:], *doubtful[:first]]):
        ports.mailbox.recognise(service, source.account, readings)
    return reading.words


class _Reading:
    """Reads doubtful messages from one source."""

    def __init__(self, source: Source, late: Callable[[], bool]) -> None:
        """`late`: whether no more should be asked for."""
        self._source = source
        self._late = late
        self._failures = 0
        """How often too many messages in a row did not come."""
        self._vain = 0
        """Messages in a row that did not come."""
        self._broken = 0
        """Sessions in a row that ended while messages were asked for."""
        self._breaks = 0
        self._suspects: list[Listed] = []
        """Messages that were refused, or with which a session ended."""
        self.words = ""
        """Why the last one did not come."""

    def all(self, doubtful: Sequence[Listed]) -> Iterator[Sequence[Reading]]:
        """The messages that come, some together, each with the digest of its content.

        What did not come is asked for once more, by itself, in the end.
        """
        for start in range(0, len(doubtful), TOGETHER):
            if self._is_hopeless:
                return
            yield self._take(doubtful[start : start + TOGETHER])
        suspects, self._suspects = self._suspects, []
        for each in suspects:
            if self._is_hopeless or self._vain >= _VAIN:
                return
            yield self._ask([each])[0]

    @property
    def _is_hopeless(self) -> bool:
        return self._failures >= _MOST or self._broken >= _MOST or self._breaks >= _BREAKS or self._late()

    def _take(self, doubtful: Sequence[Listed]) -> list[Reading]:
        readings: list[Reading] = [(each, each.content) for each in doubtful if each.content not in ("", UNREAD)]
        if any(each.content == UNREAD for each in doubtful):
            self.words = _NAMELESS
        unread: Sequence[Listed] = [each for each in doubtful if not each.content]
        while unread and not self._is_hopeless:
            come, unread = self._ask(unread)
            readings += come
            if self._vain >= _VAIN:
                self._vain, self._failures = 0, self._failures + 1
                break
        return readings

    def _ask(self, unread: Sequence[Listed]) -> tuple[list[Reading], Sequence[Listed]]:
        """Ask for these once. Returns those that came, and those that were not asked for."""
        come: list[Reading] = []
        left = list(unread)
        skipped: list[Listed] = []
        try:
            for listed, chunks in self._source.fetch(unread):
                del left[: left.index(listed)]
                try:
                    come.append((listed, content_digest(chunks)))
                    self._vain = self._broken = 0
                except Incomplete as error:
                    self._refused(listed, error, skipped)
                del left[:1]
        except LineBroke as error:
            self._failed(error)
            self._broken, self._breaks = self._broken + 1, self._breaks + 1
            self._suspects += left[:1]
            return come, [*skipped, *left[1:]]
        except SourceError as error:
            self._failed(error)
            self._failures = _MOST
        return come, skipped

    def _refused(self, listed: Listed, error: Incomplete, skipped: list[Listed]) -> None:
        self.words = error.words
        if not error.asked:
            skipped.append(listed)
            return
        self._vain += 1
        if not error.temporary:
            self._suspects.append(listed)

    def _failed(self, error: SourceError) -> None:
        self.words = str(error)
        self._vain += 1
