"""Plugins that kill the process, or raise: the mail is not lost, and other mail goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.crash import mails, rounds
from tests.crash.scene import well
from tests.crash.zygote import call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.conftest import Places
    from tests.crash.places import Place

pytestmark = pytest.mark.crash

_PLUGIN: Final = """\
import os

from trac.core import Component, implements

from trac_mailintake.api import IMailintakePlugin, hookimpl


class Trouble(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_screen(self, message, delivery, context):
        {}
"""


def _install(env: Path, deed: str) -> None:
    """A plugin that does something with each mail, as one file in the environment."""
    (env / "plugins" / "trouble.py").write_text(_PLUGIN.format(deed), encoding="utf-8")


@pytest.fixture
def mailbox(environments_once: Path, places: Places) -> Place:
    """A Maildir with six requests, and a service for it."""
    place = places("maildir")
    place.deliver(*(mails.request(number) for number in range(6)))
    well(call(rounds.prepare, environments_once, *place.settings))
    return place


def test_what_killed_three_processes_alone_is_held(environments_once: Path, mailbox: Place) -> None:
    """Once in a batch and three times alone, then it is held with the rule `crashes`; the others are filed."""
    env = environments_once
    _install(env, "if message.subject == 'Request 3':\n            os._exit(7)")
    statuses = [call(rounds.in_turn, mailbox.round(env)).status for _ in range(6)]
    assert statuses == [7, 7, 7, 7, 0, 0]
    state = well(call(rounds.look, env))
    assert [(row.outcome, row.rule) for row in state.rows] == [
        *[("created", "new")] * 3,
        ("held", "crashes"),
        *[("created", "new")] * 2,
    ]
    assert [ticket.summary for ticket in state.tickets] == [f"Request {number}" for number in (0, 1, 2, 4, 5)]
    assert state.rows[3].archived == mails.digest(mails.request(3))
    assert mailbox.there() == []
    assert state.strays == ()


def test_a_plugin_that_raises_stops_the_service_and_costs_no_mail(environments_once: Path, mailbox: Place) -> None:
    """Five faults alike: the service stops, no attempt is counted; once it is mended, all mail is filed."""
    env = environments_once
    _install(env, "raise ValueError('a mistake')")
    [first] = well(call(rounds.in_turn, mailbox.round(env)))
    assert first.status == 3
    assert "6 deferred; stopped: 5 times in a row" in first.said
    assert "a mistake" in first.said
    [second] = well(call(rounds.in_turn, mailbox.round(env)))
    assert "stopped" in second.said
    state = well(call(rounds.look, env))
    assert [(row.outcome, row.attempts) for row in state.rows] == [(None, 0)] * 6
    assert len(mailbox.there()) == 6
    _install(env, "pass")
    _, _, done, state = well(
        call(
            rounds.in_turn,
            (rounds.hour_passes, (env,)),
            (rounds.enable, (env,)),
            mailbox.round(env),
            (rounds.look, (env,)),
        )
    )
    assert done.status == 0
    assert [row.outcome for row in state.rows] == ["created"] * 6
    assert mailbox.there() == []
