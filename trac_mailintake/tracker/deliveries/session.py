"""record: what the mailbox, the claims, the recorder and the recovery of one worker share."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trac_mailintake.tracker.lifecycle.transitions import LEASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.model import Account, Delivery, Listed
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.tracker.deliveries.rows import Row
    from trac_mailintake.tracker.workers import Worker

BATCH_BYTES = 32 * 1024 * 1024
"""A batch ends when its messages together have more bytes than this."""


@dataclass(slots=True)
class Waiting:
    """What a round may claim in a mailbox, by live key, in order. It is mutable: what is claimed is removed.

    `archived` are the keys of those whose bytes are in the archive, and `unlisted` of those that the mailbox no longer
    lists.
    """

    messages: dict[str, Listed] = field(default_factory=dict)
    archived: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()

    def due(self, service: Service) -> dict[str, Listed]:
        """Those that arrived after the service's start date, and those that were fetched before that was changed."""
        since = begins(service)
        return {live: each for live, each in self.messages.items() if not self._before(live, since)}

    def next(self, service: Service, limit: int) -> dict[str, Listed]:
        """The next messages to claim: not too many, and not too many bytes at once."""
        wanted: dict[str, Listed] = {}
        size = 0
        since = begins(service)
        for live, listed in self.messages.items():
            if self._before(live, since):
                continue
            size += listed.size or 0
            if wanted and (len(wanted) >= limit or size > BATCH_BYTES):
                break
            wanted[live] = listed
        return wanted

    def _before(self, live: str, since: datetime | None) -> bool:
        """Whether a message is from before the start date, and not in the archive: what is, must be decided."""
        arrived = self.messages[live].arrived
        return since is not None and arrived is not None and arrived < since and live not in self.archived


@dataclass(slots=True)
class Session:
    """One worker's work on one environment, from its first claim to its end."""

    env: Environment
    worker: Worker
    limit: int | None = None
    """The largest mail that is archived, in bytes; None: any."""
    waiting: dict[str, Waiting] = field(default_factory=dict)
    """By mailbox (its label), since it was last reconciled."""
    backlog: set[str] = field(default_factory=set)
    """Services in their first run, whose mail does not count for rates."""
    open: set[int] = field(default_factory=set)
    """Deliveries that this worker claimed, and has neither recorded nor deferred."""
    undeferred: set[int] = field(default_factory=set)
    """Deliveries that this worker could not defer: it has the claims, and nobody works on them."""
    unlisted: set[int] = field(default_factory=set)
    """Deliveries that this worker decides about although their mailbox does not list them any more."""
    left: dict[int, str] = field(default_factory=dict)
    """By delivery that a dead worker held: the batch of the archive that may have its bytes, but was not sealed."""
    relied_on: set[str] = field(default_factory=set)
    """Paths of batches of which something was recorded, even if the database may have lost that."""

    def of(self, account: Account) -> Waiting:
        """What may be claimed in a mailbox; nothing before it was reconciled."""
        return self.waiting.setdefault(account.label, Waiting())

    def decided(self, deliveries: Iterable[Delivery]) -> None:
        """These have been recorded, even if the database loses that."""
        for each in deliveries:
            self.open.discard(each.id)
            if each.raw is not None:
                self.relied_on.add(each.raw.path)

    def holds(self, row: Row) -> bool:
        """Whether the row's owner still holds its claim."""
        return self.held(row.owner or "", row.lease)

    def held(self, owner: str, lease: Microseconds) -> bool:
        """Whether the claim of a worker with this lease still holds."""
        return LEASES.holds(lease, alive=self.worker.alive(owner))


def begins(service: Service) -> datetime | None:
    """The date before which a service ignores mail; None if it takes all mail."""
    if service.start in ("all", "now"):
        return None
    return datetime.fromisoformat(service.start).replace(tzinfo=UTC)


def merged(
    kept: Sequence[tuple[str, Listed]], listed: Mapping[str, Listed], ids: Mapping[str, int]
) -> dict[str, Listed]:
    """The messages that may be claimed, in the mailbox's order: those that are not listed by the number of their row.

    Otherwise a reply that left its mailbox would be decided before the mail that it answers.
    """
    before = deque(kept)
    messages: dict[str, Listed] = {}
    for live, each in listed.items():
        while before and ids[before[0][0]] < ids.get(live, sys.maxsize):
            messages.update([before.popleft()])
        messages[live] = each
    return messages | dict(before)
