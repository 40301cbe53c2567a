"""The circuit breaker of services, on each database: who stops, who tries, who resumes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from trac_mailintake.bootstrap import settings_of
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.config.circuit_breaker import ALIKE, APART, CircuitBreaker
from trac_mailintake.tracker.db.transaction import now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.tracker.config.circuit_breaker import Standing

FAULT = "KeyError: 'broken'"


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def trac(request: pytest.FixtureRequest) -> Iterator[TracEnv]:
    """A service of each sort: `pipe`, and `support` on a Maildir."""
    trac: TracEnv = request.getfixturevalue(f"{request.param}_env")
    services = settings_of(trac.env).services
    services.add("pipe", {"kind": "pipe"})
    services.add("support", {"kind": "maildir", "path": "/var/mail/support"})
    yield trac
    trac.close()


@pytest.fixture
def breaker(trac: TracEnv) -> CircuitBreaker:
    """The circuit breaker of the environment."""
    return CircuitBreaker(trac.env)


def standing(breaker: CircuitBreaker, name: str = "pipe") -> Standing:
    """How a service that is there stands."""
    found = breaker.standing(name)
    assert found is not None
    return found


def trip(breaker: CircuitBreaker, name: str = "pipe") -> None:
    """Let the breaker stop it."""
    assert [breaker.failed(name, FAULT) for _ in range(ALIKE)][-1]


def move(trac: TracEnv, microseconds: int, name: str = "pipe") -> None:
    """Pretend that so much time has passed; negative: that the clock was set back."""
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET next_run=next_run-%s WHERE name=%s", (microseconds, name))


def test_five_alike_in_a_row_stop_a_service_once(breaker: CircuitBreaker) -> None:
    """Another fault, and a mail that was taken, begin anew; what fails afterwards stops nothing again."""
    faults = ["a", "a", "a", "b", "b", "b", "b"]
    assert [breaker.failed("support", fault) for fault in faults] == [""] * 7
    breaker.worked("support")
    assert [breaker.failed("support", "b") for _ in range(6)] == [*[""] * 4, "5 times in a row: b", ""]
    assert standing(breaker, "support").stopped == "5 times in a row: b"


def test_what_faults_share_counts_and_the_last_one_is_shown(breaker: CircuitBreaker) -> None:
    """Two plugins that fail in turn are two causes, each with a number of its own."""
    assert [breaker.failed("pipe", f"{kind}: {kind}", kind) for kind in "ababab"] == [""] * 6
    breaker.worked("pipe")
    assert [breaker.failed("pipe", f"a: {number}", "a") for number in range(5)][-1] == "5 times in a row: a: 4"


def test_plugins_that_fail_in_turn_stop_a_service(breaker: CircuitBreaker) -> None:
    """Nothing goes well as long as one of them fails; a mail that goes well begins anew."""
    said = [breaker.failed("pipe", f"{kind}: {kind}", kind) for kind in "abcabcabcabcabc"]
    assert said == [*[""] * 12, "5 times, among others: a: a", "", ""]
    assert standing(breaker).tries
    assert breaker.resume("pipe")
    assert [breaker.failed("pipe", f"{kind}: {kind}", kind) for kind in "abcabcabcabc"] == [""] * 12


def test_faults_that_are_all_different_stop_nothing(breaker: CircuitBreaker) -> None:
    """Those may be the mails' own, and they are not remembered for ever."""
    assert [breaker.failed("support", f"fault {number}") for number in range(40)] == [""] * 40


def test_what_an_earlier_version_counted_goes_on(trac: TracEnv, breaker: CircuitBreaker) -> None:
    """It had one kind."""
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET failure=%s, failures=4 WHERE name='pipe'", (FAULT,))
    assert breaker.failed("pipe", FAULT) == f"5 times in a row: {FAULT}"


def test_enabling_a_service_closes_its_breaker(trac: TracEnv, breaker: CircuitBreaker) -> None:
    """It is due at once, and may fail four times again."""
    services = settings_of(trac.env).services
    services.begin("support")
    trip(breaker, "support")
    assert services.due(Microseconds(now() + APART)) == []
    assert services.set("support", {"enabled": "true"}).stopped == ""
    assert services.due(now()) == ["support"]
    assert [breaker.failed("support", FAULT) for _ in range(4)] == [""] * 4


def test_a_pipe_that_the_breaker_stopped_tries_one_mail_each_quarter_of_an_hour(
    trac: TracEnv, breaker: CircuitBreaker
) -> None:
    """The first a quarter of an hour after it stopped; whoever asks next waits as long again."""
    trip(breaker)
    assert (standing(breaker).may_try, breaker.try_one("pipe")) == (False, False)
    assert "It tries one mail every 15 minutes, the next one in 14 minutes." in standing(breaker).why
    move(trac, APART)
    assert "It tries one mail every 15 minutes, the next one that comes." in standing(breaker).why
    assert [breaker.try_one("pipe") for _ in range(3)] == [True, False, False]
    assert not standing(breaker).may_try
    move(trac, APART)
    assert breaker.try_one("pipe")


def test_a_round_does_not_bring_the_next_try_nearer(trac: TracEnv, breaker: CircuitBreaker) -> None:
    """A round is noted when it begins; of a service that runs, that says when the next one is due, a minute later."""
    trip(breaker)
    move(trac, APART)
    assert breaker.try_one("pipe")
    settings_of(trac.env).services.begin("pipe")
    assert standing(breaker).next_run > now() + APART * 9 // 10


def test_a_clock_that_was_ahead_keeps_nobody_from_trying(trac: TracEnv, breaker: CircuitBreaker) -> None:
    """What it wrote lies farther off than anybody waits."""
    trip(breaker)
    move(trac, -365 * 24 * 4 * APART)
    assert standing(breaker).may_try
    assert [breaker.try_one("pipe") for _ in range(2)] == [True, False]


def test_of_many_at_the_same_moment_one_tries(trac: TracEnv, breaker: CircuitBreaker) -> None:
    """As many processes as a mail server starts; here threads, each with a connection of its own."""
    trip(breaker)
    for _ in range(10):
        move(trac, APART)
        assert sum(together(trac, 4)) == 1


def together(trac: TracEnv, number: int) -> list[bool]:
    """The answers to as many threads that ask at the same moment."""
    answers: list[bool] = []
    start = threading.Barrier(number)

    def ask() -> None:
        env: Any = trac.env
        start.wait()
        answers.append(CircuitBreaker(env).try_one("pipe"))
        env.shutdown(threading.get_ident())

    threads = [threading.Thread(target=ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_only_a_service_that_tries_resumes(trac: TracEnv, breaker: CircuitBreaker) -> None:
    """A mail that was in hand when it stopped, and goes well, says nothing; an administrator's word counts more."""
    trip(breaker)
    breaker.worked("pipe")
    assert standing(breaker).tries
    settings_of(trac.env).services.set("pipe", {"enabled": "false"})
    assert not breaker.resume("pipe")
    settings_of(trac.env).services.set("pipe", {"enabled": "true"})
    assert not breaker.resume("pipe")
    trip(breaker)
    assert [breaker.resume("pipe") for _ in range(2)] == [True, False]
    assert standing(breaker).stopped == ""
    assert [breaker.failed("pipe", FAULT) for _ in range(4)] == [""] * 4


def test_what_else_stopped_waits_for_an_administrator(trac: TracEnv, breaker: CircuitBreaker) -> None:
    """`rate_service`, also when faults came before or come after, or the breaker was quicker; and every mailbox."""
    for _ in range(ALIKE - 1):
        breaker.failed("pipe", FAULT)
    assert [breaker.stop("pipe", "too many") for _ in range(2)] == [True, False]
    assert [breaker.failed("pipe", FAULT) for _ in range(ALIKE)] == [""] * ALIKE
    trip(breaker, "support")
    move(trac, APART)
    move(trac, APART, "support")
    for name, why in (("pipe", "too many"), ("support", f"5 times in a row: {FAULT}")):
        assert (standing(breaker, name).tries, standing(breaker, name).why) == (False, why)
        assert not breaker.try_one(name)
    assert not breaker.resume("pipe")


def test_too_many_tickets_stop_a_pipe_that_was_trying(trac: TracEnv, breaker: CircuitBreaker) -> None:
    """No service resumes by itself after a flood."""
    trip(breaker)
    move(trac, APART)
    assert breaker.stop("pipe", "too many")
    assert (standing(breaker).why, breaker.try_one("pipe"), breaker.resume("pipe")) == ("too many", False, False)


def test_a_service_that_is_not_there_has_no_breaker(breaker: CircuitBreaker) -> None:
    """There is no standing to ask for, and nothing to stop."""
    assert breaker.standing("gone") is None
    assert [breaker.failed("gone", FAULT) for _ in range(ALIKE)] == [""] * ALIKE
    assert not breaker.stop("gone", "why")


@pytest.mark.parametrize(
    ("seen", "service", "state", "recorded", "alone"),
    [
        (100, "support", "created", 101, True),
        (100, "support", "commented", 101, True),
        (100, "support", "created", 100, False),
        (100, "support", "held", 101, False),
        (100, "pipe", "created", 101, False),
        (0, "support", "created", 101, False),
        (None, "support", "created", 101, False),
    ],
)
def test_a_fault_is_a_mails_own_if_others_were_filed_since_it_came(
    trac: TracEnv, breaker: CircuitBreaker, seen: int | None, service: str, state: str, recorded: int, *, alone: bool
) -> None:
    """By the same service. Of mail from before an upgrade nobody knows when it came."""
    with trac.env.db_transaction as db:
        sql = "INSERT INTO mailintake_delivery (id, service, state, recorded, seen) VALUES (%s, %s, %s, %s, %s)"
        db(sql, (1, "support", "deferred", 0, seen))
        db(sql, (2, service, state, recorded, 50))
    assert breaker.is_its_own("support", 1) is alone
