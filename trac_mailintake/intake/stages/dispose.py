"""dispose: disposes of the copies of recorded mail, last of all, so that a failure does not keep new mail out."""

from __future__ import annotations

import logging
from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import CONSUMING, Answer
from trac_mailintake.intake.ports import Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trac_mailintake.intake.model import Delivery, Reply
    from trac_mailintake.intake.ports import Mailbox, Source
    from trac_mailintake.intake.report import Report, Result

log = logging.getLogger(__name__)

DISPOSAL: Final = 200
"""Messages to dispose of together: on a slow connection each command costs as much as fetching them."""

_MOST: Final = 3
"""Failures of the whole source after which a round leaves the rest to the next one."""


class Disposing:
    """The disposals of one round.

    For messages that are disposed of but not yet settled only the id is kept, since a round may take 100,000 messages.
    """

    def __init__(self, source: Source, mailbox: Mailbox, left: Sequence[Delivery]) -> None:
        """`left` was recorded by earlier rounds that did not dispose of the copies; it comes last."""
        self._source = source
        self._mailbox = mailbox
        self._left = left
        self._ready: list[Delivery] = []
        self._unsettled = array("q")
        self._final = array("q")
        self._failures = 0
        self._sentence = ""

    def add(self, results: Iterable[Result]) -> None:
        """Note what became of deliveries: the copies of those that are archived, and have such an outcome, will go."""
        self._ready += [
            each.delivery
            for each in results
            if isinstance(each, Recorded) and each.outcome.status in CONSUMING and each.delivery.raw is not None
        ]

    @contextmanager
    def last(self, report: Report) -> Iterator[None]:
        """Dispose of the rest after the block, even if that failed. The report says why copies are left."""
        broken = True
        try:
            yield
            broken = False
        finally:
            # Recorded mail is disposed of even if the connection broke during a later batch, if the source still can.
            failure = self.end(broken=broken)
            if failure and broken:
                log.info("Some copies were not disposed of; the next round tries again: %s", failure)
            elif failure:
                report.error, report.undisposed = failure, True

    def many(self) -> None:
        """Dispose of recorded mail if there is enough for one command. Never raises SourceError."""
        if len(self._ready) >= DISPOSAL:
            ready, self._ready = self._ready, []
            self._dispose(ready)

    def end(self, *, broken: bool) -> str:
        """Dispose of the rest, and settle it. Returns the reason of the first failure, or "".

        If the source is already `broken`, this only tries. Never raises SourceError.
        """
        if broken:
            self._failures = _MOST - 1
        ready, self._ready = self._ready, []
        self._dispose(ready)
        for start in range(0, len(self._left), DISPOSAL):
            self._dispose(self._left[start : start + DISPOSAL])
        try:
            if self._unsettled:
                self._source.settle()
                self._final.extend(self._unsettled)
        except SourceError as error:
            self._failed(str(error))
        if self._final:
            self._mailbox.consumed(self._final)
        return self._sentence

    def _dispose(self, deliveries: Sequence[Delivery]) -> None:
        if not deliveries or self._failures >= _MOST:
            return
        try:
            replies = self._source.dispose([(each.listed, each.content or each.sha256) for each in deliveries])
        except SourceError as error:
            self._failures += 1
            self._failed(str(error))
            return
        other = [each for each, reply in zip(deliveries, replies, strict=True) if not self._heard(each, reply)]
        self._mailbox.forget(other)

    def _heard(self, delivery: Delivery, reply: Reply) -> bool:
        """Note a reply. Returns whether the mailbox still had the recorded message."""
        match reply.answer:
            case Answer.COMPLETED:
                (self._final if reply.final else self._unsettled).append(delivery.id)
            case Answer.TRANSIENT:
                if reply.fault:
                    self._failed(reply.reason)
                log.info("%s stays in the mailbox for now: %s", delivery.listed.locator, reply.reason)
            case Answer.PERMANENT:
                log.warning("%s now means another message: %s", delivery.listed.locator, reply.reason)
                return False
        return True

    def _failed(self, sentence: str) -> None:
        self._sentence = self._sentence or sentence
