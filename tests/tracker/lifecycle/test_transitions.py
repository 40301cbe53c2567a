"""Each database follows the table of states, and nothing else: each event in each state, and events at random."""

from __future__ import annotations

import random
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

import pytest

from trac_mailintake.intake import reasons
from trac_mailintake.intake.failures import TABLE
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.lease import Hold
from trac_mailintake.tracker.db.transaction import DAY, HOUR, SECOND, now, transaction
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.states import MARKED, NEXT, RECORDED, Event, Mark, State
from trac_mailintake.tracker.lifecycle.transitions import Failure, Place, Taking, Whereabouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac.env import Environment

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.tracker.db.transaction import Connection

OWNER: Final = "one"
OTHER: Final = "other"
BATCH: Final = "archive/2026/11/30/one-1.mails"
HOLD: Final = Hold(1, OWNER, 1)
PLACE: Final = Place(BATCH, 0, 9, "abc")
TAKING: Final = Taking("1 100", 100, 0, 0)
WHERE: Final = Whereabouts("old", "1", "1 101", 101)
FAILED: Final = Failure("It failed.", Microseconds(5), None, 1)
SPAN: Final = (Microseconds(now() - DAY), Microseconds(now() + DAY))
UNREADABLE: Final = reasons.UNREADABLE(error="The server gave nothing.")
PENDING: Final = reasons.FORWARD_PENDING.slug

Call = tuple[Event | Mark, "Callable[[Connection], object]"]


def _recording(status: Status) -> Callable[[Connection], object]:
    return lambda db: transitions.record(db, 1, status, {"rule": "test"})


CALLS: Final[dict[str, Call]] = {
    "take": (Event.TAKE, lambda db: transitions.take(db, HOLD, OTHER, TAKING)),
    "refetch": (Event.REFETCH, lambda db: transitions.refetch(db, HOLD, OTHER, TAKING)),
    "reclaim": (Event.RECLAIM, lambda db: transitions.reclaim(db, 1, OTHER)),
    "renew": (Mark.RENEW, lambda db: transitions.renew(db, OWNER, [1])),
    "keep": (Mark.RENEW, lambda db: transitions.keep(db, [HOLD])),
    "release": (Event.RELEASE, lambda db: transitions.release(db, OWNER, [1])),
    "defer": (Event.DEFER, lambda db: transitions.defer(db, HOLD, FAILED)),
    "blame": (Mark.BLAME, lambda db: transitions.blame(db, 1, 1)),
    "set_aside": (Event.SET_ASIDE, lambda db: transitions.set_aside(db, HOLD, UNREADABLE, FAILED)),
    "seal": (Event.SEAL, lambda db: transitions.seal(db, HOLD, PLACE, FAILED)),
    "seal_left": (Event.SEAL, lambda db: transitions.seal_left(db, HOLD, PLACE, "It died.")),
    "die": (Event.DIE, lambda db: transitions.die(db, OWNER)),
    "vanish": (Event.VANISH, lambda db: transitions.vanish(db, [1], [OWNER], reasons.VANISHED())),
    "forwarded": (
        Event.FORWARD,
        lambda db: transitions.forwarded(db, 1, "bulk", "Sent.", pending=PENDING, digest=False),
    ),
    "forwarded in a digest": (
        Event.DIGEST,
        lambda db: transitions.forwarded(db, 1, "bulk", "Told of.", pending=PENDING, digest=True),
    ),
    "sender_told": (Mark.TELL, lambda db: transitions.sender_told(db, 1)),
    "admin_told": (Mark.TELL, lambda db: transitions.admin_told(db, 1)),
    "notified": (Mark.NOTIFY, lambda db: transitions.notified(db, [1])),
    "explain": (Mark.EXPLAIN, lambda db: transitions.explain(db, 1, "More.")),
    "confirm": (Mark.CONFIRM, lambda db: transitions.confirm(db, 1)),
    "consume": (Mark.CONSUME, lambda db: transitions.consume(db, [1])),
    "retire": (Mark.RETIRE, lambda db: transitions.retire(db, [1])),
    "displace": (Mark.DISPLACE, lambda db: transitions.displace(db, 1, "key")),
    "hint": (Mark.HINT, lambda db: transitions.hint(db, 1, WHERE, "abc")),
    "rekey": (Mark.REKEY, lambda db: transitions.rekey(db, 1, "old", WHERE._replace(live="new"), "abc")),
    "purge": (Mark.PURGE, lambda db: transitions.purge(db, BATCH)),
    "forget": (Event.FORGET, lambda db: transitions.forget(db, [1])),
    **{f"record as {status.value}": (event, _recording(status)) for status, event in RECORDED.items()},
}
"""What happens to a row that the worker `OWNER` has, or last had. See below for those that are not here."""
APART: Final = {"ask", "claim", "skip", "refile", "expire", "discard", "record", "forwarded", "retry"}


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def env(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """An environment on each database."""
    trac: TracEnv = request.getfixturevalue(f"{request.param}_env")
    yield trac.env
    trac.close()


def put(env: Environment, state: State | None) -> None:
    """There is one row, in this state; None: there is none."""
    names = "id, state, owner, fence, lease, alone, deaths, attempts, retry_at, consumed, notify, archive, rule, live, "
    names += "misses, blamed, blamed_since"
    with transaction(env) as db:
        db("DELETE FROM mailintake_delivery")
        if state is not None:
            db(
                f"INSERT INTO mailintake_delivery ({names}) VALUES (1,%s,%s,1,1,0,0,0,0,0,1,%s,%s,'old',0,0,0)",
                (state.value, OWNER, BATCH, PENDING),
            )


def row(env: Environment) -> tuple[Any, ...] | None:
    """The row, with its state first."""
    rows: list[tuple[Any, ...]] = env.db_query("SELECT state, d.* FROM mailintake_delivery d")
    return tuple(rows[0]) if rows else None


def state_of(env: Environment) -> State | None:
    """The state in which the row is; None if it is gone."""
    found = row(env)
    return State(found[0]) if found else None


def do(env: Environment, name: str) -> None:
    """Let it happen."""
    with transaction(env) as db:
        CALLS[name][1](db)


def expected(event: Event | Mark, before: State) -> State | None:
    """Where the table says that the row is afterwards."""
    return NEXT[event].get(before, before) if isinstance(event, Event) else before


def allowed(event: Event | Mark, before: State) -> bool:
    """Whether the table lets it happen."""
    return before in (NEXT[event] if isinstance(event, Event) else MARKED[event])


def test_nothing_is_written_that_is_not_tried_here() -> None:
    """A new function must be added to the table of calls, and a new event to a function."""
    functions = {
        name
        for name, value in vars(transitions).items()
        if isinstance(value, FunctionType) and value.__module__ == transitions.__name__ and name[0] != "_"
    }
    assert functions == {name for name in CALLS if " " not in name} | APART
    beginnings = {Event.CLAIM, Event.SKIP, Event.DOUBT, Event.REFILE, Event.RETRY, Event.LOSE, Mark.ASK}
    assert {event for event, _ in CALLS.values()} | beginnings == {*Event, *Mark} - {Mark.ABANDON}


def test_each_event_in_each_state(env: Environment) -> None:
    """It leads where the table says; where it must not happen, no column changes."""
    wrong = []
    for name, (event, _) in CALLS.items():
        for before in State:
            put(env, before)
            was = row(env)
            do(env, name)
            found = state_of(env)
            if found is not expected(event, before):
                wrong.append(f"{before} {name}: {found}")
            # A worker that dies also leaves what it had yet to do for decided mail.
            if not allowed(event, before) and row(env) != was and event is not Event.DIE:
                wrong.append(f"{before} {name}: changed")
            if allowed(event, before) and row(env) == was:
                wrong.append(f"{before} {name}: nothing happened")
    assert not wrong, "\n".join(["", *wrong])


@pytest.mark.parametrize("seed", range(3))
def test_a_life_at_random_follows_the_table(env: Environment, seed: int) -> None:
    """Whatever happens in whatever order; where a worker is named, it is the one that had the row last."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    put(env, State.CLAIMED)
    model: State | None = State.CLAIMED
    for _ in range(120):
        name = chance.choice([*CALLS])
        if model is None:
            model = chance.choice([*State])
            put(env, model)
        with transaction(env) as db:  # it changes hands, and nothing else
            db("UPDATE mailintake_delivery SET owner=%s, fence=1, archive=%s, rule=%s", (OWNER, BATCH, PENDING))
        do(env, name)
        model = expected(CALLS[name][0], model)
        assert state_of(env) is model, name


def test_a_worker_that_was_overtaken_changes_nothing(env: Environment) -> None:
    """Owner or fencing number are no longer its own."""
    for name in (
        "take",
        "refetch",
        "renew",
        "keep",
        "release",
        "defer",
        "set_aside",
        "blame",
        "seal",
        "seal_left",
        "die",
    ):
        for before in State:
            put(env, before)
            with transaction(env) as db:
                db("UPDATE mailintake_delivery SET owner='elsewhere', fence=2")
            was = row(env)
            do(env, name)
            assert row(env) == was, (name, before)


def test_what_begins_has_its_state(env: Environment) -> None:
    """Claimed, passed over, or with its bytes in the archive."""
    put(env, None)
    with transaction(env) as db:
        transitions.claim(db, [{"live": "a", "fence": 1}, {"live": "b", "fence": 1}])
        transitions.skip(db, [{"live": "c", "fence": 1}], reasons.START())
        transitions.refile(db, [{"live": "d", "fence": 1, "archive": BATCH}])
        transitions.skip(db, [{"live": "e", "fence": 1}], reasons.START_UNSURE(), Event.DOUBT)
    rows = env.db_query("SELECT live, state, rule FROM mailintake_delivery ORDER BY live")
    assert rows[:2] == [("a", "claimed", None), ("b", "claimed", None)]
    assert rows[2:] == [("c", "ignored", "start"), ("d", "sealed", None), ("e", "held", "start-unsure")]


@pytest.mark.parametrize("archive", [BATCH, None])
def test_only_mail_that_is_held_without_its_bytes_is_asked_for_or_lost(env: Environment, archive: str | None) -> None:
    """What is in the archive is held until somebody decides."""
    for before in State:
        put(env, before)
        with transaction(env) as db:
            db("UPDATE mailintake_delivery SET archive=%s, owner=NULL", (archive,))
            transitions.ask(db, 1)
        asked = before is State.HELD and archive is None
        assert (env.db_query("SELECT retry_at FROM mailintake_delivery")[0][0] > 0) is asked
        with transaction(env) as db:
            transitions.vanish(db, [1], [""], reasons.VANISHED())
        lost = State.IGNORED if asked or before in NEXT[Event.VANISH] else before
        assert state_of(env) is lost


def test_only_a_lease_that_has_run_out_ends_a_retry(env: Environment) -> None:
    """A mail that an administrator had decided again is held again then, and no other row changes."""
    for before in State:
        for lease in (now() + HOUR, 1):
            put(env, before)
            with transaction(env) as db:
                db("UPDATE mailintake_delivery SET lease=%s", (lease,))
                transitions.expire(db)
            assert state_of(env) is (State.HELD if before is State.RECLAIMED and lease == 1 else before)


def test_an_administrator_discards_held_mail_only(env: Environment) -> None:
    """Also if it was just taken out of quarantine by somebody else: the number says so."""
    for before in State:
        put(env, before)
        with transaction(env) as db:
            number = transitions.discard(db, 1, reasons.ADMINISTRATOR(user="admin"))
        assert (number, state_of(env)) == ((1, State.DISCARDED) if before is State.HELD else (0, before))


def test_a_death_is_blamed_on_what_was_alone(env: Environment) -> None:
    """The first time the mail is only taken alone from then on; one that was released is not blamed."""
    for owner, alone, blamed in ((OWNER, 0, (1, 0)), (OWNER, 1, (1, 1)), (None, 0, (0, 0)), (None, 1, (1, 0))):
        for name in ("seal_left", "die") if owner else ("seal_left",):
            put(env, State.RESUMED if name == "die" else State.CLAIMED if owner else State.FREE)
            with transaction(env) as db:
                db("UPDATE mailintake_delivery SET owner=%s, alone=%s", (owner, alone))
            do(env, name)
            (found,) = env.db_query("SELECT state, alone, deaths, owner FROM mailintake_delivery")
            assert found == ("sealed", *blamed, None), (name, owner, alone)


def test_the_time_of_a_death_is_when_it_was_noticed_first(env: Environment) -> None:
    """A claim keeps its dead owner, and each later worker meets it again: mail that waits for it must not wait on."""
    for before in (State.CLAIMED, State.RESUMED):
        put(env, before)
        with transaction(env) as db:
            db("UPDATE mailintake_delivery SET owner=%s, retry_at=0, lease=%s", (OWNER, now() + HOUR))
        began = now()
        do(env, "die")
        [(first,)] = env.db_query("SELECT retry_at FROM mailintake_delivery")
        assert began <= first <= now()
        do(env, "die")
        assert env.db_query("SELECT retry_at FROM mailintake_delivery") == [(first,)]


def test_a_mail_without_bytes_is_not_decided_again(env: Environment) -> None:
    """It was too large for the archive."""
    put(env, State.HELD)
    with transaction(env) as db:
        db("UPDATE mailintake_delivery SET archive=NULL")
        assert not transitions.reclaim(db, 1, OTHER)
    assert state_of(env) is State.HELD


def test_no_failure_defers_mail_for_longer_than_a_row_waits() -> None:
    """A time that is further away counts as set by a wrong clock, and the mail would be tried at once."""
    for each in TABLE:
        for delay in each.again:
            assert transitions.LEASES.waits(Microseconds(now() + int(delay * SECOND))), each


def test_only_a_mail_without_bytes_is_claimed_from_quarantine(env: Environment) -> None:
    """By its mailbox's next round. It is as if it had not been held; how often it was asked for is not forgotten."""
    columns = "state, owner, fence, rule, attempts, misses, blamed, archive"
    for before in State:
        for archive in (None, BATCH):
            put(env, before)
            with transaction(env) as db:
                db("UPDATE mailintake_delivery SET archive=%s, attempts=3, misses=4, blamed=5", (archive,))
            was = row(env)
            with transaction(env) as db:
                done = transitions.retry(db, HOLD, OTHER, TAKING)
            if before is State.HELD and archive is None:
                assert done == 1
                [found] = env.db_query(f"SELECT {columns} FROM mailintake_delivery")
                assert found == ("claimed", OTHER, 2, None, 0, 4, 5, None)
            else:
                assert (done, row(env)) == (0, was), (before, archive)


def test_the_first_try_that_counts_begins_the_time(env: Environment) -> None:
    """The later ones do not move it."""
    put(env, State.DEFERRED)
    times = []
    for _ in range(3):
        do(env, "blame")
        times += env.db_query("SELECT blamed, blamed_since FROM mailintake_delivery")
    assert [number for number, _ in times] == [1, 2, 3]
    assert len({since for _, since in times}) == 1
    assert now() - HOUR < times[0][1] <= now()


def test_statuses_are_recorded_by_their_events() -> None:
    """`forwarded` and `deferred` are not decisions."""
    assert set(RECORDED) == set(Status) - {Status.FORWARDED, Status.DEFERRED}
