"""Decisions about held mail end while a person waits, and say what came of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from trac_mailintake.components.panels.actions import run
from trac_mailintake.components.panels.journal.held_actions import act
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


def later(seconds: float) -> Seconds:
    """A moment `seconds` from now, by the clock of deadlines."""
    return Seconds(time.monotonic() + seconds)


@pytest.fixture
def mailbox(sqlite_env: TracEnv, tmp_path: Path) -> Mailbox:
    """Three mails of strangers, who may do nothing here."""
    found = Mailbox(sqlite_env, tmp_path / "maildir")
    assert found.add_service().status == 0
    found.put(mail(1), mail(2), mail(3))
    return found


def test_decisions_end_in_time_and_say_what_is_left(mailbox: Mailbox) -> None:
    """What was not begun is as it was."""
    env = mailbox.trac.env
    run(env, "support", later(20))
    decided = act(env, "retry", [1, 2, 3], None, "admin", later(-1))
    assert decided.warnings == ["The time was up: 3 mails are as they were."]
    assert len(Journal(env).held()) == 3


def test_of_many_mails_it_is_said_how_many_became_what(mailbox: Mailbox) -> None:
    """Not a sentence for each."""
    env = mailbox.trac.env
    mailbox.put(*(mail(number) for number in range(4, 10)))
    run(env, "support", later(20))
    mailbox.trac.grant("admin", "TRAC_ADMIN")
    decided = act(env, "release", list(range(1, 10)), None, "admin", later(20))
    assert (decided.notices, decided.warnings) == (["Of 9 mails: 9 created."], [])
