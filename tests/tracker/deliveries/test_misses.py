"""Mail that is listed and does not come, on each database: deferred, counted, held, and fetched after all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.builders import service
from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import NoLongerMine
from trac_mailintake.intake.failures import FETCHES
from trac_mailintake.intake.model import Account, Listed, Status
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.db.transaction import DAY, HOUR, MINUTE, now, transaction
from trac_mailintake.tracker.deliveries.claims import DatabaseClaims
from trac_mailintake.tracker.deliveries.mailbox import DatabaseMailbox
from trac_mailintake.tracker.deliveries.session import Session
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.lifecycle import stored_reasons
from trac_mailintake.tracker.workers import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.model import Delivery

ACCOUNT: Final = Account("imap", "imap://ann@mail.example.org/INBOX")
MAIL: Final = Listed("7/1", "7/1 100", 100)
OTHER: Final = Listed("7/2", "7/2 100", 100)
WORDS: Final = "message 7/1 did not come: NO server error"


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def env(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """An environment on each database."""
    trac: TracEnv = request.getfixturevalue(f"{request.param}_env")
    yield trac.env
    trac.close()


class Working:
    """A worker that lists the mailbox and claims what is due."""

    def __init__(self, env: Environment, limit: int | None = None) -> None:
        self.session = Session(env, Worker(env), limit)
        self.mailbox = DatabaseMailbox(self.session)
        self.claims = DatabaseClaims(self.session)

    def claim(self, *listing: Listed, name: str = "support") -> list[Delivery]:
        """What may be fetched now."""
        mine = replace(service(), name=name)
        self.mailbox.reconcile(mine, ACCOUNT, listing or (MAIL,))
        return self.claims.claim(mine, ACCOUNT, 100)

    def miss(self, delivery: Delivery, *, asked: bool = True, seconds: float = 60.0) -> Status | None:
        """It did not come."""
        outcome = self.claims.miss(delivery, WORDS, seconds=Seconds(seconds), asked=asked)
        return outcome.status if outcome else None


@pytest.fixture
def worker(env: Environment) -> Iterator[Working]:
    """One worker."""
    made = Working(env)
    yield made
    made.session.worker.close()


def row(env: Environment, columns: str = "state, rule, misses, blamed") -> tuple[object, ...]:
    """The first mail's row."""
    return tuple(env.db_query(f"SELECT {columns} FROM mailintake_delivery ORDER BY id")[0])


def pass_time(env: Environment, span: int) -> None:
    """Let the stored times be so much longer ago."""
    with transaction(env) as db:
        for column in ("retry_at", "blamed_since", "recorded", "seen"):
            db(f"UPDATE mailintake_delivery SET {column}={column}-%s WHERE {column}>0", (span,))


def try_in_vain(env: Environment, worker: Working, wait: int) -> list[Status]:
    """One round in which it does not come, and others do. Returns as what it is held."""
    pass_time(env, wait)
    [claimed] = worker.claim()
    worker.miss(claimed)
    return [each.outcome.status for each in worker.claims.blame([claimed])]


def unreadable(env: Environment, worker: Working) -> None:
    """It has failed often enough, for long enough."""
    for _ in range(FETCHES - 1):
        assert try_in_vain(env, worker, DAY // 4 + MINUTE) == []
    assert try_in_vain(env, worker, DAY // 4 + MINUTE) == [Status.HELD]


def test_it_is_deferred_with_the_servers_words(env: Environment, worker: Working) -> None:
    """As long as it should wait; the journal shows why."""
    [claimed] = worker.claim()
    assert worker.miss(claimed, seconds=300) is None
    assert row(env) == ("deferred", None, 1, 0)
    [entry] = Journal(env).entries()
    assert (entry.outcome, entry.failure) == ("deferred", WORDS)
    assert worker.claim() == []
    pass_time(env, 299 * MINUTE // 60)
    assert worker.claim() == []
    pass_time(env, 5 * MINUTE)
    [again] = worker.claim()
    assert (again.misses, again.unreadable) == (1, False)
    worker.miss(again, asked=False)
    assert row(env) == ("deferred", None, 1, 0)


def test_five_tries_within_a_day_hold_nothing(env: Environment, worker: Working) -> None:
    """Nor do twenty."""
    for _ in range(20):
        assert try_in_vain(env, worker, HOUR) == []
    assert row(env) == ("deferred", None, 20, 20)


def test_a_day_with_fewer_tries_holds_nothing(env: Environment, worker: Working) -> None:
    """The server may have been down all the time but for four moments."""
    for _ in range(FETCHES - 1):
        assert try_in_vain(env, worker, 2 * DAY) == []
    assert row(env) == ("deferred", None, 4, 4)


def test_five_tries_over_a_day_hold_it(env: Environment, worker: Working) -> None:
    """Once; the administrator is told once; its copy is listed still, and no bytes are said to be there."""
    with transaction(env) as db:
        db("DELETE FROM mailintake_outbox")
    env.config.set("mailintake", "admin_address", "boss@example.org")
    env.config.set("notification", "smtp_enabled", "true")
    unreadable(env, worker)
    assert row(env, "state, rule, misses, blamed, archive, consumed") == ("held", "unreadable", 5, 5, None, 0)
    [entry] = Journal(env).held()
    assert WORDS in entry.reason
    assert "It stays in the mailbox, and is asked for again each day." in entry.reason
    assert worker.claim() == []
    alerts = "SELECT kind, subject FROM mailintake_outbox"
    assert [tuple(each) for each in env.db_query(alerts)] == [("alert", "unreadable")]
    for _ in range(3):
        pass_time(env, DAY + MINUTE)
        [again] = worker.claim()
        assert row(env)[:2] == ("claimed", None)
        assert worker.miss(again) is Status.HELD
        assert worker.claims.blame([again]) == []
        assert worker.claim() == []
    assert row(env)[:2] == ("held", "unreadable")
    assert len(env.db_query(alerts)) == 1


def test_it_is_tried_again_sooner_if_the_server_was_not_even_asked(env: Environment, worker: Working) -> None:
    """After an hour, not a day; it is held meanwhile."""
    unreadable(env, worker)
    pass_time(env, DAY + MINUTE)
    [again] = worker.claim()
    assert worker.miss(again, asked=False) is Status.HELD
    pass_time(env, 30 * MINUTE)
    assert worker.claim() == []
    pass_time(env, HOUR)
    assert len(worker.claim()) == 1


@pytest.mark.parametrize("way", ["died", "released"])
def test_a_try_that_comes_to_no_end_is_repeated(env: Environment, worker: Working, way: str) -> None:
    """By the next worker, whatever became of the first; it is held again if it does not come."""
    unreadable(env, worker)
    pass_time(env, DAY + MINUTE)
    first = Working(env)
    claimed = first.claim()
    if way == "released":
        first.claims.release(claimed)
    first.session.worker.close()
    with transaction(env) as db:
        db("UPDATE mailintake_delivery SET lease=1")
    [again] = worker.claim()
    assert again.unreadable
    assert worker.miss(again) is Status.HELD
    assert row(env)[:2] == ("held", "unreadable")


def test_only_one_worker_tries(env: Environment, worker: Working) -> None:
    """The other sees that somebody has it, or that it was just tried."""
    unreadable(env, worker)
    pass_time(env, DAY + MINUTE)
    other = Working(env)
    mine = service()
    other.mailbox.reconcile(mine, ACCOUNT, [MAIL])
    [claimed] = worker.claim()
    assert other.claims.claim(mine, ACCOUNT, 100) == []
    other.mailbox.reconcile(mine, ACCOUNT, [MAIL])
    assert worker.miss(claimed) is Status.HELD
    assert other.claims.claim(mine, ACCOUNT, 100) == []
    other.session.worker.close()


def known(env: Environment, *names: str, enabled: bool = True) -> None:
    """There are services of these names on the mailbox."""
    mine = service()
    place = (mine.kind, mine.server, mine.folder, mine.path)
    with transaction(env) as db:
        for name in names:
            sql = (
                "INSERT INTO mailintake_service (name, enabled, kind, server, folder, path) VALUES (%s,%s,%s,%s,%s,%s)"
            )
            db(sql, (name, int(enabled), *place))


def test_another_service_leaves_it_alone(env: Environment, worker: Working) -> None:
    """As it leaves alone all that this one has decided."""
    known(env, "support", "sales")
    unreadable(env, worker)
    pass_time(env, DAY + MINUTE)
    assert worker.claim(name="sales") == []
    assert len(worker.claim()) == 1


@pytest.mark.parametrize("removed", [True, False])
def test_another_service_tries_what_its_own_does_not(env: Environment, worker: Working, removed: bool) -> None:  # noqa: FBT001 - a case
    """It was removed, or is disabled: its mail would be held for ever."""
    known(env, "sales")
    if not removed:
        known(env, "support", enabled=False)
    unreadable(env, worker)
    pass_time(env, DAY + MINUTE)
    assert len(worker.claim(name="sales")) == 1


def test_an_administrator_has_it_asked_for_at_once(env: Environment, worker: Working) -> None:
    """And not what is in the archive, is too large, or is not held."""
    unreadable(env, worker)
    assert worker.claim() == []
    assert Journal(env).ask_again(1)
    [again] = worker.claim()
    assert not Journal(env).ask_again(1)
    assert not Journal(env).ask_again(99)
    worker.miss(again)
    assert worker.claim() == []
    with transaction(env) as db:
        db("UPDATE mailintake_delivery SET rule='too-large'")
    assert not Journal(env).ask_again(1)
    with transaction(env) as db:
        db("UPDATE mailintake_delivery SET rule='unreadable', archive='batch'")
    assert not Journal(env).ask_again(1)


def test_what_was_overtaken_is_neither_deferred_nor_blamed(env: Environment, worker: Working) -> None:
    """Another worker has it, and knows better."""
    [claimed] = worker.claim()
    with transaction(env) as db:
        db("UPDATE mailintake_delivery SET fence=fence+1")
    with pytest.raises(NoLongerMine):
        worker.miss(claimed)
    assert worker.claims.blame([claimed]) == []
    assert row(env) == ("claimed", None, 0, 0)


def test_a_try_that_was_not_counted_in_time_does_not_count(env: Environment, worker: Working) -> None:
    """The next round has the mail already."""
    [claimed] = worker.claim()
    worker.miss(claimed)
    pass_time(env, HOUR)
    assert len(worker.claim()) == 1
    assert worker.claims.blame([claimed]) == []
    assert row(env)[3] == 0


# mail that was too large ---------------------------------------------------------------------------------------------


def too_large(env: Environment, limit: int, size: int = 100) -> None:
    """The mail is held, since the archive took only so many bytes."""
    why = stored_reasons.why(reasons.TOO_LARGE(size=size or "too many", limit=limit))
    with transaction(env) as db:
        db(
            "UPDATE mailintake_delivery SET state='held', owner=NULL, lease=0, rule='too-large', reason=%s, "
            "because=%s, recorded=%s, size=%s",
            (why["reason"], why["because"], now(), size),
        )


@pytest.mark.parametrize(
    ("before", "limit", "size", "fetched"),
    [
        (50, 50, 100, False),
        (50, 99, 100, False),
        (50, 100, 100, True),
        (50, None, 100, True),
        (50, 40, 0, False),
        (50, 50, 0, False),
        (50, 51, 0, True),
        (50, None, 0, True),
        (200, 150, 100, False),
    ],
)
def test_a_mail_that_was_too_large_is_fetched_once_the_limit_is_raised(
    env: Environment, before: int, limit: int | None, size: int, *, fetched: bool
) -> None:
    """At once, if it may fit; one of unknown size (0) whenever the limit is higher than it was."""
    worker = Working(env, limit)
    worker.claim()
    too_large(env, before, size)
    assert bool(worker.claim()) is fetched
    assert row(env)[0] == ("claimed" if fetched else "held")
    worker.session.worker.close()


def test_mail_with_bytes_is_never_fetched_from_quarantine(env: Environment, worker: Working) -> None:
    """Nor is mail that is held by another rule."""
    worker.claim(MAIL, OTHER)
    too_large(env, 50)
    with transaction(env) as db:
        db("UPDATE mailintake_delivery SET archive='archive/x.mails' WHERE locator=%s", (MAIL.locator,))
        db("UPDATE mailintake_delivery SET rule='crashes' WHERE locator=%s", (OTHER.locator,))
    assert worker.claim(MAIL, OTHER) == []
