"""A spine on fakes of all ports, and mails for it: JSON instead of RFC 5322, since nothing here parses mail."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.builders import message, service
from tests.fakes import FakeArchive, FakeClock, FakeDeciding, FakeRules, FakeSource, FakeTracker
from tests.ledger import Ledger, Store
from trac_mailintake.intake.failures import Failures
from trac_mailintake.intake.model import Account
from trac_mailintake.intake.ports import Parser, Ports, Runtime
from trac_mailintake.intake.spine import Spine
from trac_mailintake.intake.stages.claim import UNBOUNDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.intake.report import Report, Result
    from trac_mailintake.intake.stages.claim import Bounds
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.spool import Slice

ACCOUNT = Account("fake", "fake:mailbox")


def letter(subject: str, message_id: str = "", *references: str, **more: Any) -> bytes:  # noqa: ANN401 - fields of Message
    """A mail with an id of its own, unless told otherwise."""
    known = {"message_id": message_id or f"<{subject}@x>", "references": references, "subject": subject}
    return json.dumps({**known, **more}).encode()


class Bench:
    """A mailbox, and all that a worker needs to file what lies in it."""

    def __init__(self, *letters: bytes, store: Store | None = None, archive: FakeArchive | None = None) -> None:
        """The mails have the locators 1, 2, 3 and so on."""
        self.clock = FakeClock()
        self.store = store or Store()
        self.deciding = FakeDeciding()
        self.ledger = Ledger(self.store, self.clock, self.deciding)
        self.rules = FakeRules(find=self.store.ticket_of)
        self.tracker = FakeTracker()
        self.archive = archive or FakeArchive()
        self.source = FakeSource({}, lambda _: None)
        self.put(*letters)
        runtime = Runtime(Parser(self.parse), self.deciding, clock=self.clock)
        self.ports = Ports(
            self.tracker, self.rules, self.ledger, self.ledger, self.ledger, self.archive, runtime, 10_000
        )

    @property
    def spine(self) -> Spine:
        """The spine on these ports."""
        return Spine(self.ports)

    @property
    def failures(self) -> Failures:
        """What is done about failures on these ports."""
        return Failures(self.ports)

    def parse(self, raw: Slice) -> Message:
        """The message that `letter` made. Raises what JSON raises."""
        content = self.archive.read(raw)
        known = json.loads(content)
        known["references"] = tuple(known["references"])
        digest = hashlib.sha256(content).hexdigest()
        return message(**known, digest=digest, sha256=digest, raw=raw)

    def put(self, *letters: bytes) -> None:
        """Put mails into the mailbox."""
        for each in letters:
            self.source.mails[str(len(self.source.mails) + 1)] = each

    def run(self, bounds: Bounds = UNBOUNDED, **typed: str) -> Report:
        """One round."""
        return self.spine.run(service(**typed), self.source, bounds)

    def claimed(self, *letters: bytes) -> list[Delivery]:
        """Mails that are claimed and archived."""
        self.put(*letters)
        self.ledger.reconcile(service(), ACCOUNT, self.source.list())
        writer = self.archive.begin([])
        found = []
        for delivery in self.ledger.claim(service(), ACCOUNT, 100):
            raw, sha256 = writer.append(delivery, [self.source.mails[delivery.listed.locator]])
            found.append(replace(delivery, raw=raw, sha256=sha256))
        return found

    def take(self, *letters: bytes, **typed: str) -> list[Result]:
        """Claim mails and file them as one batch."""
        return self.spine.take(service(**typed), self.claimed(*letters))

    @property
    def outcomes(self) -> dict[str, str]:
        """The status of each mail by its locator; "" while it has none."""
        return {name: row.outcome.status.value if row.outcome else "" for name, row in self.store.rows.items()}

    @property
    def failed(self) -> dict[str, str | None]:
        """Why a mail was deferred last, by its locator."""
        return {name: row.failure for name, row in self.store.rows.items() if row.failure}


def groups(bench: Bench) -> Sequence[Sequence[str]]:
    """The statuses of what was recorded, a list for each transaction."""
    return bench.ledger.groups
