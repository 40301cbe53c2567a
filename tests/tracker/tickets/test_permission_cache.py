"""Permissions that do not concern a ticket are cached for a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from trac.core import Component, TracError, implements
from trac.perm import IPermissionPolicy

from tests.builders import message, new_ticket, service
from trac_mailintake.intake.ports import Prepared
from trac_mailintake.tracker.tickets.permission_cache import FRESH, Rights

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv
    from tests.tracker.conftest import Desk


def test_rights_are_those_of_each_user(sqlite_env: TracEnv) -> None:
    """One user's are not another's, nor a stranger's."""
    sqlite_env.grant("ann", "TICKET_ADMIN")
    rights = Rights(sqlite_env.env)
    for _ in range(2):
        assert "TICKET_ADMIN" in rights.of("ann")("ticket")
        assert "TICKET_ADMIN" not in rights.of("bob")("ticket")
        assert "TICKET_ADMIN" not in rights.of("anonymous")("ticket")


def test_they_are_asked_for_anew_after_a_second(sqlite_env: TracEnv) -> None:
    """For so long an answer is remembered, and no longer."""
    rights = Rights(sqlite_env.env)
    first = rights.of("ann")
    assert rights.of("ann") is first
    time.sleep(FRESH + 0.1)
    assert rights.of("ann") is not first


class Shaky(Component):
    """A policy that fails when it is asked for the first time."""

    implements(IPermissionPolicy)
    asked = 0

    def check_permission(self, *_: object) -> None:
        """No opinion."""
        self.asked += 1
        if self.asked == 1:
            raise TracError("The directory does not answer.")


def test_a_failure_is_no_answer(desk: Desk) -> None:
    """Trac caches a "no" before it asks the policy; after a failure the next mail makes it ask again."""
    env = desk.trac.env
    policies = env.config.getlist("trac", "permission_policies")
    env.config.set("trac", "permission_policies", ",".join(["Shaky", *policies]))
    env.enabled[Shaky] = True
    tracker = desk.tracker
    with pytest.raises(TracError):
        tracker.prepare(new_ticket(), message(), service())
    assert isinstance(tracker.prepare(new_ticket(), message(), service()), Prepared)
