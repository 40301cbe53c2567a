"""The batches of a round, and how long it keeps what it has in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import service
from tests.intake.bench import ACCOUNT, Bench, letter
from tests.ledger import Ledger
from trac_mailintake.intake.errors import SourceError, TemporaryFailure
from trac_mailintake.intake.failures import Cause, Deferred, TakenOver, Waiting
from trac_mailintake.intake.model import Outcome, Status
from trac_mailintake.intake.ports import Recorded
from trac_mailintake.intake.report import Report
from trac_mailintake.intake.stages.claim import (
    BATCH,
    LONGEST_PAUSE,
    PATIENCE,
    RENEWAL,
    UNBOUNDED,
    Bounds,
    Claiming,
    Lease,
)
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Delivery


def claiming(bench: Bench, bounds: Bounds = UNBOUNDED) -> Claiming:
    """The claims of a round on all mails of the bench."""
    listing = bench.source.list()
    bench.ledger.reconcile(service(), ACCOUNT, listing)
    return Claiming(bench.ports, service(), ACCOUNT, listing, bounds)


def bench_of(number: int) -> Bench:
    """So many mails."""
    return Bench(*(letter(f"m{each}") for each in range(number)))


def busy(bench: Bench) -> Ledger:
    """Another worker that has the first mail in hand."""
    other = Ledger(bench.store, bench.clock)
    other.reconcile(service(), ACCOUNT, bench.source.list())
    other.claim(service(), ACCOUNT, 1)
    return other


def sizes(claims: Claiming, unfiled: int = 0) -> list[int]:
    """The sizes of all batches."""
    found = []
    while batch := claims.claim(unfiled):
        found.append(len(batch.deliveries))
        claims.add(TakenOver(each) for each in batch.deliveries)
    return found


def waiting(*deliveries: Delivery) -> list[Waiting]:
    """These wait for a parent."""
    return [Waiting(each, Cause.PARENT, "It waits.") for each in deliveries]


def recorded(delivery: Delivery) -> Recorded:
    """An outcome of it."""
    return Recorded(delivery, Outcome(Status.CREATED, "new", ""))


# batches


@pytest.mark.parametrize("number", [0, 1, BATCH, BATCH + 1, 2 * BATCH + 7])
@pytest.mark.parametrize("limit", [None, 0, 1, BATCH + 3])
def test_batches_are_as_large_as_they_may_be(number: int, limit: int | None) -> None:
    """At most a hundred, at most so many in all."""
    wanted = number if limit is None else min(number, limit)
    found = sizes(claiming(bench_of(number), Bounds(limit)))
    assert sum(found) == wanted
    assert all(size == BATCH for size in found[:-1])


def test_what_comes_next_is_announced() -> None:
    """As far as the round may still go."""
    claims = claiming(bench_of(3), Bounds(2))
    claims_all = claiming(bench_of(BATCH + 2))
    first = claims.claim(0)
    assert first is not None
    assert (len(first.deliveries), first.coming) == (2, [])
    batch = claims_all.claim(0)
    assert batch is not None
    assert [each.locator for each in batch.coming] == [str(BATCH + 1), str(BATCH + 2)]


def test_what_is_fetched_and_not_filed_counts_against_the_rate() -> None:
    """No more is claimed than the service may still file."""
    bench = bench_of(10)
    bench.ledger.quota = 6
    batch = claiming(bench).claim(2)
    assert batch is not None
    assert len(batch.deliveries) == 4


def test_a_mail_that_a_worker_died_with_is_claimed_when_nothing_else_is_in_hand() -> None:
    """Whatever else a process held when it died would be blamed for it."""
    bench = bench_of(3)
    busy(bench).alive = False
    claims = claiming(bench)
    assert claims.claim(1) is None
    batch = claims.claim(0)
    assert batch is not None
    assert [each.alone for each in batch.deliveries] == [True]


def test_no_batch_is_begun_when_the_time_is_up() -> None:
    """What is left then is counted."""
    bench = bench_of(3)
    claims = claiming(bench, Bounds(until=Seconds(bench.clock.now() + 5)))
    report = Report()
    with claims.all_settled(report):
        bench.clock.sleep(Seconds(5))
        assert claims.claim(0) is None
        assert not claims.wait()
    assert (report.remaining, report.overrun) == (3, "")


# the end


def test_a_rate_ends_the_round_when_all_is_filed() -> None:
    """Not while something fetched waits to be filed: the reason is said at the end."""
    bench = bench_of(3)
    bench.ledger.quota = 2
    claims = claiming(bench)
    report = Report()
    with claims.all_settled(report):
        batch = claims.claim(0)
        assert batch is not None
        assert claims.claim(len(batch.deliveries)) is None
        claims.add(recorded(each) for each in batch.deliveries)
        assert claims.claim(0) is None
        assert not claims.wait()
    assert report.overrun == "Too many."


@pytest.mark.parametrize("raised", [None, TemporaryFailure("gone"), SourceError("broken"), ValueError("unforeseen")])
def test_what_has_no_result_is_free_again_at_the_end(raised: Exception | None) -> None:
    """What waits is counted as deferred. After what nobody foresaw, the worker counts as dead with its mails."""
    bench = bench_of(3)
    claims = claiming(bench)
    report = Report()

    def work() -> None:
        with claims.all_settled(report):
            batch = claims.claim(0)
            assert batch is not None
            first, second, _ = batch.deliveries
            claims.add([recorded(first), *waiting(second)])
            if raised:
                raise raised

    if raised:
        with pytest.raises(type(raised)):
            work()
    else:
        work()
    foreseen = not isinstance(raised, ValueError)
    assert [row.owner is None for row in bench.store.rows.values()] == [False, False, foreseen]
    assert report.counts == ({Status.DEFERRED: 1} if foreseen else {})


@pytest.mark.parametrize(("cause", "down"), [(Cause.DOWN, True), (Cause.FAULT, False), (Cause.MESSAGE, False)])
def test_the_round_ends_when_something_of_ours_is_down(cause: Cause, *, down: bool) -> None:
    """Not for what concerns one mail."""
    claims = claiming(bench_of(1))
    batch = claims.claim(0)
    assert batch is not None
    claims.add([Deferred(batch.deliveries[0], cause, "")])
    assert claims.down is down


# waiting


def test_nothing_is_waited_for_without_a_reason() -> None:
    """The round ends at once."""
    bench = bench_of(1)
    claims = claiming(bench)
    assert sizes(claims) == [1]
    assert not claims.wait()
    assert bench.clock.slept == []


def test_pauses_grow_until_patience_ends() -> None:
    """Other workers are looked after often at first; after a minute the round gives up."""
    bench = bench_of(3)
    busy(bench)
    claims = claiming(bench)
    batch = claims.claim(0)
    assert batch is not None
    claims.add([recorded(batch.deliveries[0]), *waiting(batch.deliveries[1])])
    while claims.wait():
        assert len(bench.clock.slept) < 1000
    assert bench.clock.slept[0] < 0.1
    assert bench.clock.slept == sorted(bench.clock.slept)
    assert bench.clock.slept[-1] == LONGEST_PAUSE
    assert PATIENCE <= sum(bench.clock.slept) < PATIENCE + 1


def test_what_waited_is_claimed_again_and_counts_once_against_the_limit() -> None:
    """It has been counted when it was claimed first."""
    bench = bench_of(3)
    claims = claiming(bench, Bounds(2))
    batch = claims.claim(0)
    assert batch is not None
    later = batch.deliveries[1]
    bench.ledger.defer(later, "It waits.", seconds=Seconds(0.01), counted=False, message_id="<m1@x>")
    claims.add([recorded(batch.deliveries[0]), *waiting(later)])
    bench.store.rows["1"].outcome = recorded(batch.deliveries[0]).outcome
    assert claims.claim(0) is None
    report = Report()
    assert not claims.wait()
    claims = claiming(bench, Bounds(3))
    with claims.all_settled(report):
        first = claims.claim(0)
        assert first is not None
        assert [each.id for each in first.deliveries] == [3]
        claims.add([*waiting(first.deliveries[0])])
        bench.ledger.defer(first.deliveries[0], "It waits.", seconds=Seconds(0.01), counted=False)
        assert claims.wait()
        again = claims.claim(0)
        assert again is not None
        assert [each.id for each in again.deliveries] == [2, 3]
        claims.add([recorded(each) for each in again.deliveries])
    assert report.deferred == []


def test_what_another_worker_has_recorded_is_no_longer_waited_for() -> None:
    """It is that worker's, and counts there."""
    bench = bench_of(3)
    other = busy(bench)
    claims = claiming(bench)
    report = Report()
    with claims.all_settled(report):
        batch = claims.claim(0)
        assert batch is not None
        claims.add(waiting(*batch.deliveries))
        for each in batch.deliveries:
            row = bench.store.rows[each.listed.locator]
            row.owner, row.outcome = other, recorded(each).outcome
            assert claims.wait()
        assert not claims.wait()
    assert report.counts.total() == 0


# leases


def test_leases_are_renewed_while_a_batch_takes_long() -> None:
    """Every two minutes, for what is left of it."""
    bench = bench_of(0)
    deliveries = bench.claimed(letter("a"), letter("b"))
    bench.ledger.calls.clear()
    lease = Lease(bench.ports)
    for _ in range(5):
        bench.clock.sleep(RENEWAL)
        lease.keep(deliveries)
    assert bench.ledger.calls == ["renew 2"] * 2
    bench.clock.sleep(Seconds(RENEWAL + 1))
    lease.keep(deliveries[1:])
    assert bench.ledger.calls[2:] == ["renew 1"]
