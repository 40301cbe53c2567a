"""*Run now* ends while a person waits, and says what remains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from trac_mailintake.components.panels.actions import run
from trac_mailintake.intake.times import Seconds

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


def test_a_round_whose_time_is_up_says_how_many_mails_remain(mailbox: Mailbox) -> None:
    """It begins nothing more; the next one takes them."""
    env = mailbox.trac.env
    done = run(env, "support", later(0))
    assert done.sentence == "support: no new mail. The time was up: 3 mails wait for the next run."
    assert run(env, "support", later(20)).sentence == "support: 3 held."


def test_what_lies_before_the_first_run_does_not_remain(mailbox: Mailbox) -> None:
    """A service with `start=now` leaves it."""
    mailbox.trac.command("mailintake", "service", "set", "support", "start=now")
    assert run(mailbox.trac.env, "support", later(0)).sentence == "support: no new mail."


def test_nothing_is_fetched_where_that_is_switched_off(mailbox: Mailbox) -> None:
    """As in a copy of an environment."""
    mailbox.trac.set(("mailintake", "fetch", "disabled"))
    done = run(mailbox.trac.env, "support", later(20))
    assert (done.well, done.sentence) == (False, "Nothing is fetched: [mailintake] fetch = disabled in trac.ini.")


def test_a_service_that_is_not_there_is_said(mailbox: Mailbox) -> None:
    """It may be gone since the list was shown."""
    assert "support" in run(mailbox.trac.env, "gone", later(20)).sentence


def test_a_pipe_is_not_run(mailbox: Mailbox) -> None:
    """There is nothing to fetch, and the standard input of a web server is nobody's mail."""
    mailbox.trac.command("mailintake", "service", "add", "pipe", "kind=pipe")
    done = run(mailbox.trac.env, "pipe", later(20))
    assert (done.well, done.sentence) == (False, "Service pipe was not run: a mail server hands it its mail.")
