"""fetch: leaves mail for somebody else alone before its body is fetched (docs/behaviour.md#before-the-body-is-fetched).

Only for services with `catchemail` that read a mailbox. The headers of a batch are asked for first, if the source can
give them without the bodies. Whatever comes whole all the same is judged by its own header before anything of it is
written: a server may give no header, or another one. Only the header is parsed, in memory; the archive gets nothing of
mail for others.

A mail whose header does not come, or does not come to its end, is fetched like all mail.
"""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.addressees import for_others
from trac_mailintake.intake.batching import GROUP
from trac_mailintake.intake.decisions import refused
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.failures import DEATHS
from trac_mailintake.intake.model import Step
from trac_mailintake.intake.ports import Peeking
from trac_mailintake.intake.stages.record import Recording
from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.mime import header_block
from trac_mailintake.mail.recipients import recipients
from trac_mailintake.mail.spool import InMemory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.failures import Failures
    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.intake.ports import Decision, Ports, Source
    from trac_mailintake.intake.report import Result
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.stages.ask import Asking

log = logging.getLogger(__name__)

LONGEST: Final = header_block.WINDOW * LIMITS.head
"""Bytes in which a header must end to be judged without the body; the parser reads no more of one either."""


class Heads:
    """What the headers say of the mail of one round."""

    def __init__(self, ports: Ports, failures: Failures, service: Service, source: Source) -> None:
        self._ports = ports
        self._service = service
        self._source = source if isinstance(source, Peeking) else None
        """None: it gives no headers, or did not."""
        self._recording = Recording(ports, failures, lambda _, delivery, __: self._found[delivery.id])
        self._others: dict[int, Decision] = {}
        self._found: dict[int, Decision] = {}
        """What is being recorded: nothing can change these decisions."""

    def ask(self, deliveries: Sequence[Delivery], asking: Asking) -> None:
        """Ask for the headers of these. Raises nothing: what is wrong with the source shows when it is asked again.

        A mail that did not come before is not asked for with others.
        """
        wanted = {each.listed.locator: each for each in deliveries if not each.misses and _may_be_read(each)}
        if self._source is None or not wanted:
            return
        try:
            for listed, beginning in self._source.heads([each.listed for each in wanted.values()]):
                end = header_block.ending(beginning)
                if end is not None:
                    self._is_for_others(wanted[listed.locator], beginning[:end])
        except SourceError as error:
            log.info("Mail is fetched whole from now on: its headers did not come: %s", error)
            self._source = None
            asking.interrupted()

    def ours(self, delivery: Delivery, chunks: Iterator[bytes]) -> Iterator[bytes] | None:
        """The chunks of a message, or None if it is for others. Raises what `chunks` raise."""
        if not _may_be_read(delivery):
            return chunks
        beginning = b""
        end: int | None = None
        while end is None and len(beginning) < LONGEST:
            chunk = next(chunks, None)
            if chunk is None:
                end = len(beginning)
            else:
                beginning += chunk
                end = header_block.ending(beginning)
        if end is not None and self._is_for_others(delivery, beginning[:end]):
            return None
        return chain((beginning,), chunks) if beginning else chunks

    def are_others(self, delivery: Delivery) -> bool:
        """Whether a message was found to be for others, and is not recorded yet."""
        return delivery.id in self._others

    def record(self) -> list[Result]:
        """Record what was found to be for others. Raises TemporaryFailure."""
        self._found, self._others = self._others, {}
        decisions = [*self._found.values()]
        results: list[Result] = []
        for start in range(0, len(decisions), GROUP):
            results += self._recording.record(self._service, decisions[start : start + GROUP])
        return results

    def _is_for_others(self, delivery: Delivery, header: bytes) -> bool:
        """Judge a message by its header, and note it if it is for others."""
        watch = self._ports.runtime.watch
        self._ports.runtime.beat()
        try:
            decision = self._decided(delivery, header)
        except Exception as error:  # it is fetched, and then the table of failures says what happens
            log.debug("The header of delivery %s could not be judged", delivery.id, exc_info=error)
            return False
        finally:
            if watch is not None:
                watch.rest()
        if decision is not None:
            self._others[delivery.id] = decision
        return decision is not None

    def _decided(self, delivery: Delivery, header: bytes) -> Decision | None:
        """The decision to leave a message alone; None if it is ours. A probe is ours, whatever its address.

        Most of what is fetched is ours, so at first only the recipients are read.
        """
        catches, reader = self._service.recipients.catchemail, self._ports.tracker.reader
        if for_others(recipients(header), catches, reader) is None:
            return None
        message = self._ports.runtime.parser.parse(InMemory.of(header))
        objection = for_others(message, catches, reader)
        if objection is None or reader.own_probe(message):
            return None
        steps = [Step("parse", each.slug, each.sentence, because=each.because) for each in message.defects]
        return refused(delivery, message, self._service, objection, [*steps, Step.objected("screen", objection)])


def _may_be_read(delivery: Delivery) -> bool:
    return delivery.deaths < DEATHS
