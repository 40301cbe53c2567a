"""The way of a mail: fetch → parse → screen → route → handle → record → dispose. Read this file first.

The stages are called by name here. The rules are behind `ports.Rules`, Trac is behind `ports.Tracker`, and what is
known of mailboxes and mails is behind `ports.Mailbox`, `Claims` and `Recorder`. The rest is in `stages`. `batching`
says which mails share a transaction, and which wait. `failures` has a table of what happens to a mail that fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.intake import batching
from trac_mailintake.intake.decisions import accepted, duplicate, refused
from trac_mailintake.intake.errors import SourceError, TemporaryFailure
from trac_mailintake.intake.failures import Failures, Waiting
from trac_mailintake.intake.model import Change, Step, gravest
from trac_mailintake.intake.ports import Decision, Prepared
from trac_mailintake.intake.report import Report
from trac_mailintake.intake.stages.claim import UNBOUNDED, Claiming, Lease
from trac_mailintake.intake.stages.dispose import Disposing
from trac_mailintake.intake.stages.fetch import Fetching
from trac_mailintake.intake.stages.parse import parsed
from trac_mailintake.intake.stages.recognise import reconciled
from trac_mailintake.intake.stages.record import Recording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.intake.failures import Undecided
    from trac_mailintake.intake.model import Delivery, Objection
    from trac_mailintake.intake.ports import Ports, Source
    from trac_mailintake.intake.report import Progress, Result
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.stages.claim import Bounds
    from trac_mailintake.mail.message import Message


class Spine:
    """Takes mail the whole way, for one worker."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._failures = Failures(ports)
        self._recording = Recording(ports, self._failures, self._decided)

    def run(
        self, service: Service, source: Source, bounds: Bounds = UNBOUNDED, progress: Progress | None = None
    ) -> Report:
        """One round: file the mail in a mailbox. `progress(done, all)` is called with numbers of messages.

        Never raises SourceError: the report has it.
        """
        report = Report(progress=progress)
        try:
            report.error = self._ports.mailbox.admit(service, source.account)
            if not report.error:
                self._round(service, source, report, bounds)
        except SourceError as error:
            report.error = str(error)
        except TemporaryFailure as error:
            report.down = str(error)
        finally:
            source.close()
        return report

    def _round(self, service: Service, source: Source, report: Report, bounds: Bounds) -> None:
        ports, listing = self._ports, source.list()
        report.listed = len(listing)
        disposing = Disposing(source, ports.mailbox, reconciled(ports, service, source, listing, bounds, report))
        claiming = Claiming(ports, service, source.account, listing, bounds)
        fetching = Fetching(ports, self._failures, service, source)
        with disposing.last(report), claiming.all_settled(report), fetching.blaming(report):
            for fetched in fetching.batches(claiming):
                if not fetched.broken:
                    disposing.many()
                # At once: if something of ours is down, the rest has no results.
                claiming.add(fetched.results)
                report.add(fetched.results)
                results = self.take(service, fetched.ready)
                claiming.add(results)
                disposing.add(results)
                report.add(result for result in results if not isinstance(result, Waiting))

    def take(self, service: Service, deliveries: Sequence[Delivery]) -> list[Result]:
        """Parse → … → record: file claimed, archived deliveries, in order. Returns what became of each.

        Raises TemporaryFailure.
        """
        runtime, record = self._ports.runtime, self._recording.record
        results: list[Result] = []
        group = batching.Group()
        lease = Lease(self._ports)
        try:
            for place, delivery in enumerate(deliveries):
                lease.keep(deliveries[place:])
                runtime.beat()
                message = parsed(runtime.parser, delivery)
                if group.full:
                    results += self._recording.first_of(service, group)
                if group.comes_before(message):
                    results += record(service, group.take())
                decided = self._decided(service, delivery, message)
                if isinstance(decided, Decision) and group.changes_basis_of(decided):
                    results += record(service, group.take())
                    decided = self._decided(service, delivery, message)
                if isinstance(decided, Decision):
                    group.add(decided)
                else:
                    results.append(decided)
            return results + record(service, group.take())
        finally:
            runtime.rest()

    def _decided(self, service: Service, delivery: Delivery, message: Message | Exception) -> Decision | Undecided:
        """Decide, or defer. The one broad `except` around rules and plugins: mail could be lost here."""
        if isinstance(message, Exception):
            return self._failures.handle(service, delivery, None, message)
        try:
            decision = self._ports.runtime.deciding(lambda: self.decide(service, delivery, message))
            wait = batching.parent_elsewhere(self._ports.claims, decision)
        except Exception as error:  # noqa: BLE001 - whatever a rule raises, the mail is deferred or held
            return self._failures.handle(service, delivery, message, error)
        return decision if wait is None else batching.put_off(self._failures, decision, wait, pushed=service.pushed)

    def decide(self, service: Service, delivery: Delivery, message: Message, *, explain: bool = False) -> Decision:
        """Screen, route and handle one message; nothing is written.

        Raises Misconfiguration, TemporaryFailure, and anything that one of our rules raises because of the message.
        """
        rules, tracker = self._ports.rules, self._ports.tracker
        if delivery.refiled:
            service = service.of_old_mail()
        steps = [Step("parse", each.slug, each.sentence, because=each.because) for each in message.defects]
        seen = self._ports.recorder.seen(service, message)
        if seen is not None:
            return duplicate(delivery, message, seen, steps)
        sender = tracker.sender(message, service)
        steps.append(Step("screen", sender.rule, sender.reason, because=sender.because))
        objections = list(rules.screen(message, delivery, service, sender))
        steps += [Step.objected("screen", each) for each in objections]
        if (objection := gravest(objections)) is not None:
            return refused(delivery, message, service, objection, steps)
        target = rules.route(message, delivery, service, sender)
        steps.append(Step("route", target.rule, target.reason, because=target.because))
        change: Change | Prepared | Objection = rules.handle(message, target, service, sender)
        if isinstance(change, Change):
            change = tracker.prepare(change, message, service, explain=explain)
        if isinstance(change, Prepared):
            return accepted(delivery, message, service, change, steps)
        return refused(delivery, message, service, change, [*steps, Step.objected("handle", change)])
