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


def test_each_of_few_mails_has_a_sentence(mailbox: Mailbox) -> None:
    """What it became, and where; what is still held is a warning with its reason, and what is not held is no longer."""
    env = mailbox.trac.env
    run(env, "support", later(20))
    still = act(env, "retry", [1], None, "admin", later(20))
    assert still.notices == []
    assert [each.partition(". ")[0] for each in still.warnings] == ["Mail 1: still held"]
    mailbox.trac.grant("admin", "TRAC_ADMIN")
    assert act(env, "release", [1], None, "admin", later(20)).notices == ["Mail 1: created in ticket #1."]
    both = act(env, "release", [1, 2], 1, "admin", later(20))
    assert both.notices[-1] == "Mail 2: commented in ticket #1."
    assert [each for each in both.warnings if each.startswith("Mail 1: ") and "created" in each]


def test_a_ticket_that_there_is_not_is_said_once(mailbox: Mailbox) -> None:
    """No mail is released then."""
    env = mailbox.trac.env
    run(env, "support", later(20))
    decided = act(env, "release", [1, 2, 3], 99, "admin", later(20))
    assert decided.notices == []
    [warning] = decided.warnings
    assert "99" in warning
    assert len(Journal(env).held()) == 3


@pytest.mark.parametrize(
    ("numbers", "notices"),
    [([1], ["1 mail discarded."]), ([1, 2], ["2 mails discarded."]), ([7], [])],
)
def test_mail_is_discarded(mailbox: Mailbox, numbers: list[int], notices: list[str]) -> None:
    """With how many; one that there is not is named."""
    env = mailbox.trac.env
    run(env, "support", later(20))
    decided = act(env, "discard", numbers, None, "admin", later(20))
    assert decided.notices == notices
    assert [each.partition(":")[0] for each in decided.warnings] == ([] if notices else ["Mail 7"])
    assert len(Journal(env).held()) == 3 - (len(numbers) if notices else 0)
