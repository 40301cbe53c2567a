"""The mailbox's copies of what was decided: which are still to be disposed of, and when a locator is free again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Rig
from tests.tracker.deliveries.test_mailbox import ACCOUNT, hands, listed, locators, states
from trac_mailintake.intake.model import Afterwards, Disposition, Status
from trac_mailintake.tracker.db.transaction import MINUTE, SECOND, now
from trac_mailintake.tracker.deliveries.mailbox import SETTLED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from tests.tracker.deliveries.test_mailbox import Hands

LATER: Final = SETTLED + MINUTE


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


def pass_time(rig: Rig, microseconds: int) -> None:
    """What happened is so much longer ago."""
    with rig.trac.env.db_transaction as db:
        db(
            "UPDATE mailintake_delivery SET recorded=recorded-%s, "
            "consumed=CASE WHEN consumed=0 THEN 0 ELSE consumed-%s END",
            (microseconds, microseconds),
        )


def decided(one: Hands, *numbers: int) -> list[int]:
    """Take these and decide about them. Returns their numbers in the journal."""
    one.look(listed(*numbers))
    taken = one.take()
    one.end(*map(one.archived, taken))
    return [each.id for each in taken]


@pytest.mark.parametrize("there", [True, False], ids=["listed", "marked as deleted"])
def test_what_a_dead_worker_decided_is_still_disposed_of(rig: Rig, there: bool) -> None:  # noqa: FBT001 - a parameter
    """Under the name by which its mailbox knows it, with what is needed to recognise it; once."""
    with hands(rig) as one:
        decided(one, 1)
        with hands(rig) as other:
            assert other.look(listed(1) if there else []) == []  # that worker lives, and will do it
    with hands(rig) as two:
        [left] = two.look(listed(1) if there else [])
        assert replace(left.listed, size=100) == listed(1)[0]
        assert (left.sha256, left.raw is not None) == ("abc", True)
        two.assembly.mailbox.consumed([left.id])
        assert two.look(listed(1) if there else []) == []
        assert two.take() == []


def test_what_was_ignored_is_left_where_it_is(rig: Rig) -> None:
    """Also if its bytes are in the archive."""
    with hands(rig) as one:
        one.look(listed(1))
        one.end(*map(one.archived, one.take()), status=Status.IGNORED)
    with hands(rig) as two:
        assert two.look(listed(1)) == []
        assert two.take() == []


@pytest.mark.parametrize(
    ("afterwards", "again"),
    [(Afterwards.DELETE, True), (Afterwards.MOVE, True), (Afterwards.SEEN, False), (Afterwards.LEAVE, False)],
)
def test_a_copy_that_came_back_goes_again(rig: Rig, afterwards: Afterwards, again: bool) -> None:  # noqa: FBT001 - a parameter
    """If it was to go, and not at once: a server may list it for a while. No mail is filed for it."""
    with hands(rig) as one:
        numbers = decided(one, 1)
        one.assembly.mailbox.consumed(numbers)
        one.service = replace(
            one.service, afterwards=Disposition(afterwards, "Done" if afterwards is Afterwards.MOVE else "")
        )
        assert one.look(listed(1)) == []
        pass_time(rig, LATER)
        assert [each.id for each in one.look(listed(1))] == (numbers if again else [])
        assert one.take() == []


def test_a_locator_that_is_free_for_long_is_used_again(rig: Rig) -> None:
    """Not within ten minutes, as another worker may still look at an older listing."""
    with hands(rig) as one:
        one.assembly.mailbox.consumed(decided(one, 1, 2))
        one.look(listed(2))
        one.look(listed(1, 2))
        assert one.take() == []
        pass_time(rig, LATER)
        one.look([])
        one.look(listed(1, 2))
        assert locators(one.take()) == ["1/1", "1/2"]
        assert states(rig) == ["discarded", "discarded", "claimed", "claimed"]


def test_another_message_at_the_locator_is_new_at_once(rig: Rig) -> None:
    """The first one's copy is not there any more, so nothing is disposed of in its name."""
    with hands(rig) as one:
        decided(one, 1)
    with hands(rig) as two:
        assert two.look(listed(1, version=2)) == []
        assert locators(two.take()) == ["1/1"]


def test_locators_that_mean_other_messages_are_forgotten(rig: Rig) -> None:
    """As after each disposal from a Maildir or an mbox."""
    with hands(rig) as one:
        one.look(listed(1))
        [taken] = one.take()
        one.end(one.archived(taken))
        one.assembly.mailbox.forget([taken])
        assert one.look(listed(1)) == []
        assert locators(one.take()) == ["1/1"]


def test_what_was_there_before_the_first_run_is_passed_over(rig: Rig) -> None:
    """By that service alone, however many there are; once it has run, it passes over nothing any more."""
    numbers = range(1, 120)
    with hands(rig) as one, hands(rig, "other") as other:
        one.service = replace(one.service, start="now")
        assert one.look(listed(*numbers)) == []
        assert one.take() == []
        assert states(rig) == ["ignored"] * len(numbers)
        one.look(listed(*numbers, 200))  # its first round may have failed after that
        assert locators(one.take()) == ["1/200"]
        other.look(listed(*numbers))
        assert len(other.take(500)) == len(numbers)


def test_how_much_a_round_leaves_and_since_when(rig: Rig) -> None:
    """What is not claimed; the oldest arrival that the server told."""
    first = datetime(2026, 11, 30, 10, tzinfo=UTC)
    arrived = [None, first + timedelta(hours=1), first]
    listing = [replace(each, arrived=when) for each, when in zip(listed(1, 2, 3), arrived, strict=True)]
    with hands(rig) as one:
        mailbox = one.assembly.mailbox
        assert mailbox.left(one.service, ACCOUNT).number == 0
        one.look(listing)
        left = mailbox.left(one.service, ACCOUNT)
        assert (left.number, left.oldest) == (3, first.timestamp() * SECOND)
        assert len(mailbox.pending(one.service, ACCOUNT)) == 3
        one.take(2)
        assert mailbox.left(one.service, ACCOUNT).number == 1
        one.take()
        assert (mailbox.left(one.service, ACCOUNT).number, mailbox.left(one.service, ACCOUNT).oldest) == (0, 0)


def test_a_mailbox_is_of_one_environment_and_a_pipe_of_nobody(rig: Rig) -> None:
    """Another instance that asks later is told since when it is another's."""
    with hands(rig) as one:
        mailbox = one.assembly.mailbox
        assert mailbox.admit(one.service, ACCOUNT) == ""
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_mailbox SET instance='another', since=%s", (now(),))
        assert "was claimed by another instance" in mailbox.admit(one.service, ACCOUNT)
        assert mailbox.admit(replace(one.service, pushed=True), ACCOUNT) == ""
