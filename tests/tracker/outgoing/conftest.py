"""A desk whose letters arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import trac_mailintake.components.notifications  # noqa: F401 - its components are under test

if TYPE_CHECKING:
    from tests.servers.smtp_sink import SmtpSink
    from tests.tracker.conftest import Desk


@pytest.fixture
def office(desk: Desk, smtp_sink: SmtpSink) -> Desk:
    """A desk whose Trac sends through the sink, and tells its staff member joe of new tickets."""
    desk.trac.notify_through(smtp_sink)
    desk.trac.set(
        ("mailintake", "address", "support@example.org"), ("notification", "smtp_always_cc", "staff@example.org")
    )
    desk.trac.know("joe", "joe@example.org")
    return desk
