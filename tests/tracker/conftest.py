"""An environment that takes mail: a tracker with its staging folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from trac.util.datefmt import datetime_now, utc

from tests.builders import message, service
from trac_mailintake.intake.ports import Prepared
from trac_mailintake.tracker.adapter import TracTracker
from trac_mailintake.tracker.tickets import write as ticket_write
from trac_mailintake.tracker.tickets.stage_attachments import Staging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from trac.env import Environment

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.model import Change
    from trac_mailintake.tracker.tickets.write import Filed


def write(env: Environment, prepared: Prepared, when: datetime) -> Filed:
    """Lock what is changed, and write; inside a transaction."""
    return ticket_write.write(env, prepared, when, ticket_write.lock(env, [prepared]))


@dataclass
class Desk:
    """A tracker in an environment, and the ways a test uses it."""

    trac: TracEnv
    staging: Staging

    @property
    def tracker(self) -> TracTracker:
        """The tracker of the environment as it is open now."""
        return TracTracker(self.trac.env, self.staging)

    def prepare(self, change: Change) -> Prepared:
        """The prepared change; fails when there is an objection."""
        prepared = self.tracker.prepare(change, message(), service())
        assert isinstance(prepared, Prepared), prepared
        return prepared

    def write(self, prepared: Prepared, when: datetime | None = None) -> Filed:
        """What was written, committed."""
        placement = self.staging.placement(ticket_write.enclosures([prepared]))
        try:
            with self.trac.env.db_transaction:
                filed = write(self.trac.env, prepared, when or datetime_now(utc))
                placement.link([filed.attached])
        except BaseException:
            placement.settle()
            raise
        placement.keep()
        return filed

    def file(self, change: Change) -> Filed:
        """Prepare and write."""
        return self.write(self.prepare(change))


@pytest.fixture
def desk(trac_env: TracEnv) -> Iterator[Desk]:
    """A desk where outsiders may create tickets and append to them; on each database."""
    trac_env.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    desk = Desk(trac_env, Staging(trac_env.env, "a-worker"))
    yield desk
    desk.staging.close()
