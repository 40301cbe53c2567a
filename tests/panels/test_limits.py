"""What a panel does ends while a person waits, and says what remains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from trac_mailintake.components.panels.actions import run
from trac_mailintake.components.panels.journal.held_actions import act
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs.time_limit import within
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


def test_work_that_takes_too_long_is_not_waited_for() -> None:
    """And what it raises or returns in time comes through."""
    began = time.monotonic()
    with pytest.raises(SourceError, match="too slow"):
        within(Seconds(0.2), lambda: time.sleep(5))
    assert time.monotonic() - began < 2
    assert within(Seconds(5), lambda: 12) == 12
    with pytest.raises(ZeroDivisionError):
        within(Seconds(5), lambda: 1 // 0)
