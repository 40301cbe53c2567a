"""Claims, leases and fencing numbers, on each database."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig
from trac_mailintake.intake.errors import NoLongerMine, TemporaryFailure
from trac_mailintake.intake.model import Account, Listed, Outcome, Status
from trac_mailintake.intake.ports import Refused, Wait
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.db.transaction import HOUR, MINUTE, SECOND, now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.tracker.workers import Worker

ACCOUNT = Account("imap", "imap://ann@mail.example.org/INBOX")


def listed(*numbers: int) -> list[Listed]:
    """Messages as a source lists them, each of 100 bytes."""
    return [Listed(f"1/{number}", f"1/{number} 100", 100) for number in numbers]


class Hands:
    """One worker's claims on the account."""

    def __init__(self, assembly: Assembly, **settings: str) -> None:
        """`settings` replace those of the service."""
        self.mailbox = assembly.mailbox
        self.claims = assembly.claims
        self.recorder = assembly.recorder
        self.recovery = assembly.recovery
        self.service = replace(assembly.settings.services.get(SERVICE), **settings)  # type: ignore[arg-type]  # all text
        self.worker = assembly.worker

    def look(self, listing: Sequence[Listed]) -> list[Delivery]:
        """Compare a listing with what is remembered."""
        return list(self.mailbox.reconcile(self.service, ACCOUNT, listing))

    def take(self, limit: int = 50) -> list[Delivery]:
        """Claim."""
        return list(self.claims.claim(self.service, ACCOUNT, limit))

    def end(self, *deliveries: Delivery, status: Status = Status.DISCARDED) -> None:
        """Record an outcome without a change."""
        outcome = Outcome(status, "test", "The test says so.")
        self.recorder.record([Refused(delivery, None, outcome, ()) for delivery in deliveries])


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


@contextmanager
def hands(rig: Rig, **settings: str) -> Iterator[Hands]:
    """A worker at work."""
    with rig.worker() as assembly:
        yield Hands(assembly, **settings)


def locators(deliveries: Sequence[Delivery]) -> list[str]:
    """What was claimed."""
    return [delivery.listed.locator for delivery in deliveries]


def test_messages_are_claimed_in_the_order_of_the_mailbox(rig: Rig) -> None:
    """The oldest first, no more than asked for, each once."""
    with hands(rig) as one:
        one.look(listed(1, 2, 3))
        assert locators(one.take(2)) == ["1/1", "1/2"]
        assert locators(one.take(2)) == ["1/3"]
        assert one.take(2) == []


def test_two_workers_never_take_the_same_message(rig: Rig) -> None:
    """Both list the same mailbox; what one holds the other passes over."""
    with hands(rig) as one, hands(rig) as other:
        one.look(listed(1, 2, 3, 4))
        other.look(listed(1, 2, 3, 4))
        assert locators(one.take(2)) == ["1/1", "1/2"]
        assert locators(other.take()) == ["1/3", "1/4"]


def test_a_batch_ends_when_it_is_large(rig: Rig) -> None:
    """Large messages are fetched one by one."""
    with hands(rig) as one:
        one.look([replace(each, size=30 * 1024 * 1024) for each in listed(1, 2)])
        assert locators(one.take()) == ["1/1"]
        assert locators(one.take()) == ["1/2"]


def test_what_has_an_outcome_is_not_claimed_again(rig: Rig) -> None:
    """Neither by this worker nor by the next."""
    with hands(rig) as one:
        one.look(listed(1))
        one.end(*one.take())
    with hands(rig) as other:
        other.look(listed(1))
        assert other.take() == []


def test_a_dead_workers_messages_are_taken_over_one_by_one(rig: Rig) -> None:
    """Claiming each message alone shows which of them is to blame."""
    with rig.worker() as assembly:
        one = Hands(assembly)
        one.look(listed(1, 2))
        first = one.take()
        _kill(one.worker)
        with hands(rig) as other:
            other.recovery.sweep()
            other.look(listed(1, 2))
            taken = other.take()
            assert locators(taken) == ["1/1"]
            assert (taken[0].alone, taken[0].deaths) == (True, 0)
            assert taken[0].fence > first[0].fence
            assert locators(other.take()) == ["1/2"]


def test_what_must_be_taken_alone_waits_until_nothing_else_is_in_hand(rig: Rig) -> None:
    """Whatever else a process held when it died would be blamed for it."""
    with rig.worker() as assembly:
        one = Hands(assembly)
        one.look(listed(1, 2))
        one.take()
        _kill(one.worker)
        with hands(rig) as other:
            other.recovery.sweep()
            other.look(listed(0, 1, 2, 3))
            assert locators(other.take()) == ["1/0"]
            assert other.claims.claim(other.service, ACCOUNT, 50, alone=False) == []
            assert locators(other.take()) == ["1/1"]
            assert locators(other.take()) == ["1/2"]
            assert locators(other.claims.claim(other.service, ACCOUNT, 50, alone=False)) == ["1/3"]


def test_when_what_a_message_answers_is_due(rig: Rig) -> None:
    """In so many seconds as it was put off; a message without an id may be any; and nobody waits for a later one."""
    with hands(rig) as one:
        one.look(listed(1, 2, 3, 4))
        first, second, third, last = one.take()
        assert one.claims.parent_elsewhere(third, ["<a@x>"]) is None
        one.claims.defer(first, "It has to wait.", seconds=Seconds(60), counted=False, message_id="<a@x>")
        one.claims.defer(last, "It has to wait.", seconds=Seconds(60), counted=False, message_id="<b@x>")
        wait = one.claims.parent_elsewhere(third, ["<a@x>", "<b@x>"])
        assert wait is not None
        assert wait.due is not None
        assert 50 < wait.due <= 60
        assert one.claims.parent_elsewhere(third, ["<b@x>"]) is None
        one.claims.defer(second, "It could not be read.", seconds=Seconds(0), counted=False)
        assert one.claims.parent_elsewhere(third, ["<b@x>"]) == Wait(Seconds(0))
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET seen=%s", (now() - 16 * MINUTE,))
        assert one.claims.parent_elsewhere(third, ["<b@x>"]) is None


def test_a_message_that_could_not_be_deferred_is_waited_for(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """By the messages of its own mailbox that came later, until it can be deferred; its id is stored nowhere."""
    rig = Rig(sqlite_env, tmp_path)
    with hands(rig) as one:
        one.look(listed(1, 2))
        first, second = one.take()
        elsewhere = replace(second, account=Account("imap", "imap://bob@mail.example.org/INBOX"))
        _rename(rig, "mailintake_delivery", "away")
        with pytest.raises(TemporaryFailure):
            one.claims.defer(first, "It has to wait.", seconds=Seconds(60), counted=False, message_id="<a@x>")
        _rename(rig, "away", "mailintake_delivery")
        assert one.claims.parent_elsewhere(second, ["<b@x>"]) == Wait(None)
        assert one.claims.parent_elsewhere(elsewhere, ["<b@x>"]) is None
        one.claims.defer(first, "It has to wait.", seconds=Seconds(60), counted=False, message_id="<a@x>")
        assert one.claims.parent_elsewhere(second, ["<b@x>"]) is None


def _rename(rig: Rig, old: str, new: str) -> None:
    """Take a table away from under everybody."""
    with rig.trac.env.db_transaction as db:
        db(f"ALTER TABLE {old} RENAME TO {new}")


def test_deaths_are_counted_only_while_alone(rig: Rig) -> None:
    """The first death may be due to any message of the batch; later ones count against this message."""
    for deaths in (0, 0, 1, 2):
        with rig.worker() as assembly:
            one = Hands(assembly)
            one.recovery.sweep()
            one.look(listed(1))
            (taken,) = one.take()
            assert taken.deaths == deaths
            _kill(one.worker)


def test_a_worker_that_was_overtaken_writes_nothing(rig: Rig) -> None:
    """The fencing number is the other's by now."""
    with rig.worker() as assembly:
        one = Hands(assembly)
        one.look(listed(1))
        (mine,) = one.take()
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET owner='elsewhere', lease=0")
        with hands(rig) as other:
            other.look(listed(1))
            (theirs,) = other.take()
            with pytest.raises(NoLongerMine):
                one.end(mine)
            with pytest.raises(NoLongerMine):
                one.claims.defer(mine, "late", seconds=Seconds(1), counted=True)
            other.end(theirs)
    assert [row["outcome"] for row in rig.journal()] == ["discarded"]


def test_a_claim_elsewhere_holds_until_its_lease_has_run_out(rig: Rig) -> None:
    """Nobody here can tell whether that worker lives."""
    with hands(rig) as one:
        one.look(listed(1))
        one.take()
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET owner='elsewhere'")
        with hands(rig) as other:
            other.look(listed(1))
            assert other.take() == []


def test_what_was_released_is_free_at_once(rig: Rig) -> None:
    """It was not begun; nothing is counted."""
    with hands(rig) as one, hands(rig) as other:
        one.look(listed(1))
        one.claims.release(one.take())
        other.look(listed(1))
        (taken,) = other.take()
        assert (taken.attempts, taken.alone) == (0, False)


def test_what_was_deferred_waits(rig: Rig) -> None:
    """Only failures of the message's own are counted."""
    with hands(rig) as one:
        one.look(listed(1, 2))
        first, second = one.take()
        one.claims.defer(first, "not yet", seconds=Seconds(60), counted=False)
        one.claims.defer(second, "broken", seconds=Seconds(0), counted=True)
        one.look(listed(1, 2))
        (taken,) = one.take()
        assert (taken.listed.locator, taken.attempts) == ("1/2", 1)


def test_what_was_deferred_under_a_wrong_clock_does_not_wait_for_that_time(rig: Rig) -> None:
    """The clock was a year ahead, and is right again."""
    with hands(rig) as one:
        one.look(listed(1))
        (taken,) = one.take()
        one.claims.defer(taken, "not yet", seconds=Seconds(60 + 365 * 24 * 3600), counted=False)
        one.look(listed(1))
        assert [each.listed.locator for each in one.take()] == ["1/1"]


def test_a_claim_elsewhere_under_a_wrong_clock_has_run_out(rig: Rig) -> None:
    """The clock over there was a year ahead: nobody waits for that lease."""
    with hands(rig) as one:
        one.look(listed(1))
        one.take()
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET owner='elsewhere', lease=lease+%s", (365 * 24 * 3600 * 1_000_000,))
        with hands(rig) as other:
            other.look(listed(1))
            assert [each.listed.locator for each in other.take()] == ["1/1"]


def test_a_vanished_message_is_ignored_and_its_locator_free(rig: Rig) -> None:
    """It was deferred, and somebody took it out of the mailbox."""
    with hands(rig) as one:
        one.look(listed(1))
        one.claims.defer(one.take()[0], "not yet", seconds=Seconds(60), counted=False)
        one.look([])
        assert rig.outcomes == [("ignored", "vanished")]
        one.look(listed(1))
        assert locators(one.take()) == ["1/1"]


def test_a_pipe_lists_only_its_message(rig: Rig) -> None:
    """A pipe does not list other deliveries, which must not count as vanished, whatever its kind is called."""
    with hands(rig) as one:
        one.look(listed(1))
        one.claims.release(one.take())
    with hands(rig) as other:
        other.service = replace(other.service, pushed=True)
        other.look(listed(2))
        assert rig.journal()[0]["outcome"] is None
        other.service = replace(other.service, pushed=False)
        other.look(listed(2))
        assert rig.journal()[0]["rule"] == "vanished"


def test_a_message_that_vanished_with_its_worker_is_ignored(rig: Rig) -> None:
    """A worker died over it, and then the mailbox was made anew: the journal does not speak of work for ever."""
    with rig.worker() as assembly:
        one = Hands(assembly)
        one.look(listed(1, 2))
        one.take()
        with hands(rig) as living:
            living.look([])
            assert [row["outcome"] for row in rig.journal()] == [None, None]
        _kill(one.worker)
        with hands(rig) as other:
            other.recovery.sweep()
            other.look(listed(2))
            assert [(row["outcome"], row["rule"]) for row in rig.journal()] == [("ignored", "vanished"), (None, None)]
            assert locators(other.take()) == ["1/2"]


def test_what_a_crash_left_to_dispose_of_is_found(rig: Rig) -> None:
    """Recorded and archived, still listed, not yet consumed; a changed fingerprint is another message."""
    with hands(rig) as one:
        one.look(listed(1, 2))
        one.end(*one.take())
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET archive='x', archive_offset=0, archive_length=1, sha256='abc'")
        changed = [listed(1)[0], replace(listed(2)[0], fingerprint="1/2 101")]
        (left,) = one.look(changed)
        assert (left.listed.locator, left.sha256) == ("1/1", "abc")
        assert locators(one.take()) == ["1/2"]
        one.mailbox.consumed([left.id])
        assert one.look(changed) == []


def test_a_locator_used_again_is_a_new_message(rig: Rig) -> None:
    """Forgotten rows keep their outcome, and let the locator go."""
    with hands(rig) as one:
        one.look(listed(1))
        taken = one.take()
        one.end(*taken)
        one.mailbox.forget(taken)
        one.look(listed(1))
        assert locators(one.take()) == ["1/1"]
    assert [row["outcome"] for row in rig.journal()] == ["discarded", None]


def test_start_now_remembers_what_was_there(rig: Rig) -> None:
    """The first listing is ignored; what comes afterwards is taken."""
    with hands(rig, start="now") as one:
        one.look(listed(1, 2))
        assert one.take() == []
        one.look(listed(1, 2, 3))
        assert locators(one.take()) == ["1/3"]
    assert rig.outcomes[:2] == [("ignored", "start")] * 2


def test_start_at_a_date_leaves_what_came_before(rig: Rig) -> None:
    """By the time at which the server says that it arrived."""
    before, after = (
        replace(each, arrived=datetime(2026, 1, day, tzinfo=UTC))
        for each, day in zip(listed(1, 2), (30, 31), strict=True)
    )
    with hands(rig, start="2026-01-31") as one:
        one.look([before, after])
        assert locators(one.take()) == ["1/2"]


def test_older_messages_in_other_hands_are_waited_for(rig: Rig) -> None:
    """They may be what this one answers; those of the dead are due at once, for two hours."""
    with hands(rig) as other:
        with rig.worker() as assembly:
            one = Hands(assembly)
            one.look(listed(1, 2))
            other.look(listed(1, 2))
            one.take(1)
            (later,) = other.take()
            assert other.claims.parent_elsewhere(later, ["<a@x>"]) == Wait(None)
            with rig.trac.env.db_transaction as db:
                # It lives, and has the mail as long as it lives.
                db("UPDATE mailintake_delivery SET lease=%s", (now() - SECOND,))
            assert other.claims.parent_elsewhere(later, ["<a@x>"]) == Wait(None)
            _kill(one.worker)
            # Nobody has noticed its death yet, or somebody has.
            assert other.claims.parent_elsewhere(later, ["<a@x>"]) == Wait(Seconds(0))
        with rig.worker() as third:
            third.recovery.sweep()
        assert other.claims.parent_elsewhere(later, ["<a@x>"]) == Wait(Seconds(0))
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET retry_at=retry_at-%s", (3 * HOUR,))
        assert other.claims.parent_elsewhere(later, ["<a@x>"]) is None


def _kill(worker: Worker) -> None:
    """What the system does with a process that ends: its lock is let go, its file stays."""
    worker._file.close()
