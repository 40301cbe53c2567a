"""A group is recorded together, or else each mail by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import service
from tests.intake.bench import Bench, groups, letter
from trac_mailintake.intake.errors import NoLongerMine, Stale, TemporaryFailure
from trac_mailintake.intake.failures import ATTEMPTS, Cause, Deferred, TakenOver, Waiting
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.ports import Recorded


def test_what_fails_together_is_done_again_one_by_one() -> None:
    """Only the one at fault is deferred."""
    bench = Bench()
    bench.ledger.failing = [ValueError("one of them"), None, ValueError("this one"), None]
    results = bench.take(letter("a"), letter("b"), letter("c"))
    assert groups(bench) == [["created"], ["created"]]
    assert [type(each) for each in results] == [Recorded, Deferred, Recorded]
    assert bench.failed == {"2": "ValueError: this one"}
    assert bench.store.rows["2"].delivery.attempts == 1
    assert bench.ledger.announced == 2


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_what_does_not_fit_in_a_transaction_is_recorded_in_the_next(most: int) -> None:
    """Each once, announced, and in order; if one of the transactions fails, only its mails are done one by one."""
    bench = Bench()
    bench.ledger.most = most
    results = bench.take(*(letter(each) for each in "abcde"))
    assert [each.delivery.listed.locator for each in results] == list("12345")
    assert [len(each) for each in groups(bench)] == [min(most, 5 - begun) for begun in range(0, 5, most)]
    assert bench.ledger.announced == 5
    bench.ledger.failing = [None, ValueError("the second")]
    assert [type(each) for each in bench.take(*(letter(each) for each in "fghij"))] == [Recorded] * 5
    assert sum(map(len, groups(bench))) == bench.ledger.announced == 10


def test_what_was_overtaken_is_decided_anew() -> None:
    """With what has been filed meanwhile; no attempt is counted."""
    bench = Bench()
    bench.ledger.failing = [Stale("changed"), Stale("changed again"), None]
    (result,) = bench.take(letter("a"))
    assert isinstance(result, Recorded)
    assert bench.failed == {}


def test_a_mail_that_is_overtaken_all_the_time_waits_a_moment() -> None:
    """Then the round takes it again."""
    bench = Bench()
    bench.ledger.failing = [Stale("changed")] * 6
    (result,) = bench.take(letter("a"))
    assert isinstance(result, Waiting)
    assert result.cause is Cause.OVERTAKEN
    assert bench.store.rows["1"].delivery.attempts == 0


def test_what_cannot_be_decided_again_is_deferred() -> None:
    """The rules fail the second time."""
    bench = Bench()
    deliveries = bench.claimed(letter("a"))
    bench.ledger.failing = [ValueError("first")]
    bench.rules.raising["a"] = []
    results = bench.spine.take(service(), deliveries)
    assert isinstance(results[0], Recorded)
    [delivery] = bench.claimed(letter("b"))
    bench.ledger.failing = [ValueError("first"), TemporaryFailure("The database is gone.")]
    (result,) = bench.spine.take(service(), [delivery])
    assert isinstance(result, Deferred)
    assert (result.cause, result.reason) == (Cause.DOWN, "The database is gone.")


def test_another_workers_row_is_left_alone() -> None:
    """Nothing is written, deferred or disposed of for it."""
    bench = Bench()
    bench.ledger.failing = [NoLongerMine("x"), NoLongerMine("x")]
    assert [type(each) for each in bench.take(letter("a"))] == [TakenOver]
    assert bench.failed == {}


def _last_attempt(bench: Bench, content: bytes = b"") -> list[object]:
    [delivery] = bench.claimed(content or letter("a"))
    return list(bench.spine.take(service(), [replace(delivery, attempts=ATTEMPTS - 1)]))


def test_what_cannot_be_recorded_five_times_is_held() -> None:
    """The change cannot be written; that it is given up can."""
    bench = Bench()
    bench.ledger.failing = [ValueError("bad"), ValueError("bad"), None]
    (result,) = _last_attempt(bench)
    assert isinstance(result, Recorded)
    assert (result.outcome.status, result.outcome.rule) == (Status.HELD, "failed")


@pytest.mark.parametrize(("error", "kind"), [(ValueError("worse"), Deferred), (NoLongerMine("x"), TakenOver)])
def test_what_cannot_even_be_held_stays_in_the_mailbox(error: Exception, kind: type[object]) -> None:
    """It is deferred without end; the round ends, since something of ours must be wrong."""
    bench = Bench()
    bench.ledger.failing = [ValueError("bad"), ValueError("bad"), error]
    (result,) = _last_attempt(bench)
    assert type(result) is kind
    if isinstance(result, Deferred):
        assert result.cause is Cause.DOWN
        assert "worse" in result.reason


def test_an_unreadable_mail_that_is_given_up_keeps_its_reason() -> None:
    """Also when the group that it was in could not be recorded: no process died over it."""
    bench = Bench()
    bench.ledger.failing = [ValueError("the group")]
    (result,) = _last_attempt(bench, b"no letter at all")
    assert isinstance(result, Recorded)
    assert (result.outcome.status, result.outcome.rule) == (Status.HELD, "failed")
    assert "JSONDecodeError" in result.outcome.reason


def test_nothing_is_recorded_of_nothing() -> None:
    """No transaction."""
    bench = Bench()
    assert bench.spine.take(service(), []) == []
    assert groups(bench) == []
