"""What happens to a mail that fails: what docs/behaviour.md#when-it-fails promises, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import message, service
from tests.intake.bench import Bench, letter
from trac_mailintake.intake.errors import (
    Misconfiguration,
    NoLongerMine,
    SourceError,
    Stale,
    TemporaryFailure,
)
from trac_mailintake.intake.failures import (
    ATTEMPTS,
    NEXT_MINUTE,
    SHORTLY,
    TABLE,
    Cause,
    Deaths,
    Deferred,
    TakenOver,
    Then,
    Waiting,
    row_of,
)
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.ports import Recorded, Refused, TooLarge
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from trac_mailintake.intake.failures import Undecided


class Collision(Stale, TemporaryFailure):
    """What the database says when two workers write the same rows."""


def fail(bench: Bench, error: Exception, attempts: int = 0, **typed: str) -> Refused | Undecided:
    """Let the first mail fail that has failed so often before."""
    [delivery] = bench.claimed(letter("a"))
    row = bench.store.rows["1"]
    row.delivery = delivery = replace(delivery, attempts=attempts)
    return bench.failures.handle(service(**typed), delivery, message(), error)


def again_in(bench: Bench) -> float:
    """Seconds until the mail's next attempt."""
    return bench.store.rows["1"].retry_at - bench.clock.now()


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (NoLongerMine("x"), Cause.TAKEN_OVER),
        (Stale("changed"), Cause.OVERTAKEN),
        (Collision("deadlock"), Cause.OVERTAKEN),
        (TemporaryFailure("gone"), Cause.DOWN),
        (Misconfiguration("plugin"), Cause.FAULT),
        (SourceError("from a rule"), Cause.MESSAGE),
        (TooLarge(), Cause.MESSAGE),
        (Deaths(), Cause.MESSAGE),
        (ValueError("bad"), Cause.MESSAGE),
    ],
)
def test_each_exception_has_its_row(error: Exception, cause: Cause) -> None:
    """The first that it is an instance of: a collision is repeated at once, though it is a temporary failure, too."""
    assert row_of(error).cause is cause


def test_the_table_catches_everything_and_each_row_is_reached() -> None:
    """No row stands behind one for a base class of it."""
    assert TABLE[-1].failure is Exception
    for place, row in enumerate(TABLE):
        assert not any(issubclass(row.failure, before.failure) for before in TABLE[:place])


@pytest.mark.parametrize("error", [TemporaryFailure("gone"), Misconfiguration("plugin")])
@pytest.mark.parametrize("attempts", range(ATTEMPTS + 2))
def test_what_is_not_the_messages_fault_is_tried_each_minute(error: Exception, attempts: int) -> None:
    """However often; no attempt is counted."""
    bench = Bench()
    done = fail(bench, error, attempts)
    assert isinstance(done, Deferred)
    assert (done.reason, again_in(bench)) == (str(error), 60)
    assert bench.store.rows["1"].delivery.attempts == attempts
    assert bench.store.rows["1"].owner is None


def test_an_administrator_learns_what_to_fix() -> None:
    """What faults have in common is kept, since five alike stop the service."""
    done = fail(Bench(), Misconfiguration("The plugin failed over '<1@x>'", alike="plugin"))
    assert isinstance(done, Deferred)
    assert done.fault is not None
    assert (done.fault.sentence, done.fault.alike) == ("The plugin failed over '<1@x>'", "plugin")


@pytest.mark.parametrize(("misses", "minutes"), list(enumerate((1, 5, 20, 60, 60, 60))))
def test_the_source_is_asked_again_and_again(misses: int, minutes: int) -> None:
    """After 1, 5, 20, then 60 minutes; that is no failure of the message's own."""
    bench = Bench()
    [delivery] = bench.claimed(letter("a"))
    done = bench.failures.missed(replace(delivery, raw=None, misses=misses), "It did not come.")
    assert isinstance(done, Deferred)
    assert (done.cause, done.reason, again_in(bench)) == (Cause.SOURCE, "It did not come.", 60 * minutes)
    kept = bench.store.rows["1"].delivery
    assert (kept.attempts, kept.misses) == (0, 1)


def test_what_was_not_asked_for_is_asked_for_by_the_next_round() -> None:
    """Not by this one, which would ask in vain; and nothing is counted."""
    bench = Bench()
    [delivery] = bench.claimed(letter("a"))
    done = bench.failures.missed(replace(delivery, raw=None, misses=3), "It was not asked for.", asked=False)
    assert isinstance(done, Deferred)
    assert SHORTLY < again_in(bench) < NEXT_MINUTE[0]
    assert bench.store.rows["1"].delivery.misses == 0


def test_what_was_held_as_unreadable_is_held_again() -> None:
    """It has an outcome, not a time."""
    bench = Bench()
    [delivery] = bench.claimed(letter("a"))
    done = bench.failures.missed(replace(delivery, raw=None, misses=9, unreadable=True), "It did not come.")
    assert isinstance(done, Recorded)
    assert (done.outcome.status, done.outcome.rule) == (Status.HELD, "unreadable")


@pytest.mark.parametrize(("taken_over", "kind"), [(True, TakenOver), (False, Deferred)])
def test_a_mail_that_did_not_come_may_not_be_deferred(*, taken_over: bool, kind: type[Undecided]) -> None:
    """Another worker has it, or the database is gone: then the round should end."""
    bench = Bench()
    [delivery] = bench.claimed(letter("a"))
    if taken_over:
        bench.store.rows["1"].owner = None
    else:
        bench.ledger.deaf = 1
    done = bench.failures.missed(replace(delivery, raw=None), "It did not come.")
    assert type(done) is kind
    assert not isinstance(done, Deferred) or done.cause is Cause.DOWN


@pytest.mark.parametrize(("attempts", "minutes"), list(enumerate((1, 5, 20, 60))))
def test_a_message_that_fails_is_tried_again(attempts: int, minutes: int) -> None:
    """For the same times; the reason names the exception."""
    bench = Bench()
    done = fail(bench, ValueError("bad"), attempts)
    assert isinstance(done, Deferred)
    assert (done.reason, done.cause) == ("ValueError: bad", Cause.MESSAGE)
    assert again_in(bench) == 60 * minutes
    assert bench.store.rows["1"].delivery.attempts == attempts + 1


@pytest.mark.parametrize(("forward", "rule"), [("", "failed"), ("boss@example.org", "forward-pending")])
def test_after_the_fifth_attempt_it_is_given_up(forward: str, rule: str) -> None:
    """Nothing is deferred; the decision is still to be recorded."""
    bench = Bench()
    done = fail(bench, ValueError("bad"), ATTEMPTS - 1, forward=forward)
    assert isinstance(done, Refused)
    assert done.outcome.rule == rule
    assert bench.failed == {}


@pytest.mark.parametrize(("error", "rule"), [(TooLarge(), "too-large"), (Deaths(), "crashes")])
@pytest.mark.parametrize("forward", ["", "boss@example.org"])
def test_what_must_not_be_read_is_held_at_once(error: Exception, rule: str, forward: str) -> None:
    """And not forwarded, since sending would read it."""
    done = fail(Bench(), error, forward=forward)
    assert isinstance(done, Refused)
    assert (done.outcome.rule, done.forward) == (rule, None)


def test_what_was_overtaken_waits_for_a_moment_only() -> None:
    """The same round takes it again."""
    bench = Bench()
    assert isinstance(fail(bench, Stale("changed")), Waiting)
    assert again_in(bench) < 1


@pytest.mark.parametrize("then", ["before", "while it is deferred"])
def test_another_workers_mail_is_left_alone(then: str) -> None:
    """Nothing is written about it."""
    bench = Bench()
    [delivery] = bench.claimed(letter("a"))
    stolen = replace(delivery, fence=delivery.fence - 1)
    error = NoLongerMine("x") if then == "before" else ValueError("bad")
    assert bench.failures.handle(service(), stolen, message(), error) == TakenOver(stolen)
    assert bench.failed == {}


@pytest.mark.parametrize("error", [Misconfiguration("plugin"), ValueError("bad"), Stale("changed")])
def test_what_cannot_be_deferred_ends_the_round(error: Exception) -> None:
    """Both reasons are said; it is no fault for the administrator to fix, and nothing that passes in a moment."""
    bench = Bench()
    bench.ledger.deaf = 1
    done = fail(bench, error)
    assert isinstance(done, Deferred)
    assert (done.cause, done.fault) == (Cause.DOWN, None)
    assert str(error) in done.reason
    assert "database" in done.reason


def test_what_the_database_raises_is_named_first() -> None:
    """Only this environment's database knows which of its exceptions pass by themselves."""
    bench = Bench()
    named = replace(bench.ports.runtime, named=lambda error: TemporaryFailure(f"The database: {error}"))
    bench.ports = replace(bench.ports, runtime=named)
    done = fail(bench, ValueError("locked"))
    assert isinstance(done, Deferred)
    assert (done.cause, done.reason) == (Cause.DOWN, "The database: locked")


@pytest.mark.parametrize(
    ("attempts", "known", "stored"),
    [
        (0, "<one@example.org>", "<one@example.org>"),
        (0, None, ""),
        (0, "unread", None),
        (1, "unread", ""),
        (0, "missed", None),
        (1, "missed", ""),
    ],
)
def test_replies_wait_for_the_first_retry_of_an_unread_message(
    attempts: int, known: str | None, stored: str | None
) -> None:
    """None stands for any id, until the first retry. A message that was read is waited for by its id, if it has one."""
    bench = Bench()
    [delivery] = bench.claimed(letter("a"))
    if known == "missed":
        bench.failures.missed(replace(delivery, raw=None, misses=attempts), "cut")
        assert bench.store.rows["1"].message_id == stored
        return
    delivery = replace(delivery, attempts=attempts)
    read = None if known == "unread" else message(message_id=known)
    bench.failures.put_off(delivery, read, Cause.SOURCE, "cut", Seconds(60), counted=True)
    assert bench.store.rows["1"].message_id == stored


@pytest.mark.parametrize(("seconds", "kind"), [(0.1, Waiting), (2.0, Waiting), (2.1, Deferred), (60.0, Deferred)])
def test_the_round_waits_for_what_is_due_shortly(seconds: float, kind: type[Undecided]) -> None:
    """Two seconds; the rest is for a later round."""
    bench = Bench()
    [delivery] = bench.claimed(letter("a"))
    done = bench.failures.put_off(delivery, message(), Cause.PARENT, "so", Seconds(seconds))
    assert type(done) is kind


def test_every_way_out_is_in_the_table() -> None:
    """Nothing that can be done is left without an exception that asks for it."""
    assert {row.then for row in TABLE} == set(Then)
    assert {row.cause for row in TABLE} | {Cause.PARENT, Cause.SOURCE} == set(Cause)
