"""A leased queue: a row has one worker at a time and is tried again later, whoever dies, whatever the clock says."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Final

import pytest

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.letters import LETTERS
from trac_mailintake.tracker.db.transaction import DAY, HOUR, MINUTE, SECOND, now, transaction
from trac_mailintake.tracker.people.contacts import ACCOUNTS

if TYPE_CHECKING:
    from trac.env import Environment

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.tracker.db.leased_queue import LeasedQueue

SOON: Final = Microseconds(5 * SECOND)
"""What a slow machine may take between two statements."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was claimed."""

    id: int
    fence: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """A queue with one open row."""

    env: Environment
    queue: LeasedQueue

    def look(self, *columns: str) -> tuple[object, ...]:
        """Columns of the row."""
        row: tuple[object, ...] = self.env.db_query(f"SELECT {', '.join(columns)} FROM {self.queue.table}")[0]
        return row

    def put(self, **values: object) -> None:
        """Change columns of the row behind the queue's back."""
        with self.env.db_transaction as db:
            sets = ", ".join(f"{name}=%s" for name in values)
            db(f"UPDATE {self.queue.table} SET {sets}", tuple(values.values()))

    def claim(self, *, force: bool = False) -> Row | None:
        """Claim the row."""
        [number] = self.look("id")
        assert isinstance(number, int)
        with transaction(self.env) as db:
            if not self.queue.claim(db, number, "me", force=force):
                return None
        fence, attempts = self.look("fence", "attempts")
        assert isinstance(fence, int)
        assert isinstance(attempts, int)
        return Row(number, fence, attempts)

    def fail(self, row: Row) -> bool:
        """The work failed."""
        with transaction(self.env) as db:
            return self.queue.failed(db, row, "no answer")

    def finish(self, row: Row) -> bool:
        """The work is done."""
        with transaction(self.env) as db:
            return self.queue.finished(db, row)


def write_row(env: Environment, queue: LeasedQueue) -> None:
    """Write one open row."""
    with env.db_transaction as db:
        if queue is LETTERS:
            letters.write(db, "alert", "support", None, subject="failed", body="It failed.")
        else:
            db(
                "INSERT INTO mailintake_contact (hash, address, username, made, fence, lease, attempts, retry_at) "
                "VALUES ('x', 'ann@example.org', 'ann', 0, 0, 0, 0, 0)"
            )


@pytest.fixture(params=[LETTERS, ACCOUNTS], ids=["letters", "accounts"])
def queue(request: pytest.FixtureRequest) -> LeasedQueue:
    """Each queue of the product."""
    found: LeasedQueue = request.param
    return found


@pytest.fixture(params=["sqlite_env", "postgres_env", "mariadb_env"])
def shelf(request: pytest.FixtureRequest, queue: LeasedQueue) -> Shelf:
    """Each queue on each database."""
    trac: TracEnv = request.getfixturevalue(request.param)
    write_row(trac.env, queue)
    return Shelf(trac.env, queue)


def test_a_row_that_is_held_is_nobody_elses(shelf: Shelf) -> None:
    """Not even by force."""
    assert shelf.queue.any_due(shelf.env)
    assert shelf.claim() is not None
    assert shelf.claim() is None
    assert shelf.claim(force=True) is None
    assert (shelf.queue.any_due(shelf.env), shelf.queue.due(shelf.env, force=True)) == (False, [])


def test_of_many_workers_at_once_one_gets_the_row(shelf: Shelf) -> None:
    """Each with a connection of its own."""
    gate = Barrier(4)
    got: list[Row | None] = []

    def work() -> None:
        gate.wait(30)
        got.append(shelf.claim())

    workers = [Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    assert sorted(claimed is None for claimed in got) == [False, True, True, True]


@pytest.mark.parametrize("lease", [-1, DAY], ids=["over", "of a clock that was ahead"])
def test_a_row_of_a_dead_worker_is_claimed_again(shelf: Shelf, lease: int) -> None:
    """And that worker, should it live after all, changes nothing any more."""
    first = shelf.claim()
    shelf.put(lease=now() + lease)
    second = shelf.claim()
    assert first is not None
    assert second is not None
    assert (second.fence, second.attempts) == (first.fence + 1, 2)
    assert (shelf.fail(first), shelf.finish(first)) == (False, False)
    assert shelf.look(shelf.queue.done, "failure") == (0, None)
    assert shelf.finish(second)


@pytest.mark.parametrize("ahead", [SECOND, 10 * MINUTE], ids=["a second", "ten minutes"])
def test_a_worker_whose_clock_is_a_little_ahead_keeps_its_row(shelf: Shelf, ahead: int) -> None:
    """It is on another host, or this clock was just set back: two of them would send one letter twice."""
    assert shelf.claim() is not None
    shelf.put(lease=shelf.queue.terms.expiry() + ahead)
    assert shelf.claim(force=True) is None
    assert (shelf.queue.any_due(shelf.env), shelf.queue.due(shelf.env, force=True)) == (False, [])


def test_each_failure_makes_the_next_attempt_later(shelf: Shelf) -> None:
    """After the last delay it stays at that; the reason of the last failure is kept."""
    delays = []
    for _ in range(len(shelf.queue.terms.backoff) + 2):
        row = shelf.claim(force=True)
        assert row is not None
        assert shelf.fail(row)
        [retry_at] = shelf.look("retry_at")
        assert isinstance(retry_at, int)
        delays.append(round((retry_at - now()) / MINUTE))
        assert shelf.claim() is None
        assert not shelf.queue.due(shelf.env)
    assert delays == [1, 5, 15, 60, 240, 240, 240]
    assert shelf.look("failure", "lease") == ("no answer", 0)


@pytest.mark.parametrize("ahead", [4 * HOUR, DAY])
def test_no_row_waits_longer_than_the_longest_delay(shelf: Shelf, ahead: int) -> None:
    """Four hours may be a delay; a day was set by a clock that was ahead."""
    shelf.put(retry_at=now() + ahead)
    assert shelf.queue.any_due(shelf.env) is (ahead == DAY)
    assert (shelf.claim() is not None) is (ahead == DAY)


def test_what_is_done_is_done(shelf: Shelf) -> None:
    """It is not due again, however often one looks, and says when it was done."""
    row = shelf.claim()
    assert row is not None
    assert shelf.finish(row)
    [done] = shelf.look(shelf.queue.done)
    assert isinstance(done, int)
    assert now() - SOON <= done <= now()
    assert (shelf.queue.waiting(shelf.env), shelf.queue.due(shelf.env, force=True)) == (0, [])
    assert shelf.claim(force=True) is None


def test_what_waits_without_an_attempt_begins_anew(shelf: Shelf) -> None:
    """As an alert that is to be sent with others: its delays begin with the first again."""
    row = shelf.claim()
    assert row is not None
    with transaction(shelf.env) as db:
        assert shelf.queue.postponed(db, row, Microseconds(now() + HOUR))
    assert shelf.claim() is None
    shelf.put(retry_at=now())
    again = shelf.claim()
    assert again is not None
    assert again.attempts == 1
