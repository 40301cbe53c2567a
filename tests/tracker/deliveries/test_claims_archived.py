"""Claims on mail whose bytes are in the archive, on held mail, and claims that many workers, or two hosts, want."""

from __future__ import annotations

import random
import sys
from contextlib import contextmanager
from dataclasses import replace
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest

from tests.builders import message, service
from tests.rig import SERVICE, Rig, mail
from tests.tracker.deliveries.test_claims import hands, listed, locators
from trac_mailintake.intake.errors import NoLongerMine
from trac_mailintake.intake.model import Outcome, Status
from trac_mailintake.intake.ports import Refused
from trac_mailintake.intake.times import Microseconds, Seconds
from trac_mailintake.tracker.archive.store import FileArchive, found, remove
from trac_mailintake.tracker.db.transaction import HOUR, now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from tests.tracker.deliveries.test_claims import Hands
    from trac_mailintake.intake.model import Delivery

BYTES = mail("In the archive")


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


def archived(rig: Rig, one: Hands, *deliveries: Delivery) -> list[Delivery]:
    """Fetch these: their bytes are durable."""
    batch = FileArchive(rig.trac.env, one.worker).begin([each.id for each in deliveries])
    places = [batch.append(each, [BYTES]) for each in deliveries]
    batch.seal()
    return [replace(each, raw=raw, sha256=sha) for each, (raw, sha) in zip(deliveries, places, strict=True)]


def states(rig: Rig) -> list[str]:
    """Of all rows."""
    return [row["state"] for row in rig.journal()]


@contextmanager
def unseen(rig: Rig, one: Hands) -> Iterator[None]:
    """A worker is out of everybody's sight, as if it were on another host."""
    here = rig.trac.path / "files" / "mailintake" / "workers" / one.worker.owner
    there = here.rename(rig.trac.path / one.worker.owner)
    try:
        yield
    finally:
        there.rename(here)


# mail in the archive --------------------------------------------------------------------------------------------------


def test_what_was_fetched_and_not_begun_is_decided_from_the_archive(rig: Rig) -> None:
    """Even if it left its mailbox as soon as it was released; nothing is counted against it."""
    with hands(rig) as one:
        one.look(listed(1, 2))
        one.claims.release(archived(rig, one, *one.take()))
        assert states(rig) == ["sealed", "sealed"]
        with hands(rig) as other:
            other.look([])
            taken = other.take()
            assert locators(taken) == ["1/1", "1/2"]
            assert [(each.attempts, each.alone, each.deaths) for each in taken] == [(0, False, 0)] * 2
            assert [each.raw and each.raw.read() for each in taken] == [BYTES, BYTES]
            other.end(*taken)
    assert rig.outcomes == [("discarded", "test")] * 2


def test_what_left_the_archive_is_fetched_again(rig: Rig) -> None:
    """If the mailbox still lists it; the row no longer says that there are bytes."""
    with hands(rig) as one:
        one.look(listed(1))
        (mine,) = archived(rig, one, *one.take())
        one.claims.defer(mine, "later", seconds=Seconds(0), counted=False)
        for row in rig.journal():
            remove(rig.trac.env, row["archive"])
        one.look(listed(1))
        (again,) = one.take()
        assert again.raw is None
        assert [(row["state"], row["archive"]) for row in rig.journal()] == [("claimed", None)]


def test_what_left_the_archive_and_the_mailbox_is_not_said_to_be_in_one(rig: Rig) -> None:
    """It is claimed, so that a decision about it fails, and says so, instead of being silent."""
    with hands(rig) as one:
        one.look(listed(1))
        (mine,) = archived(rig, one, *one.take())
        one.claims.defer(mine, "later", seconds=Seconds(0), counted=False)
        [batch] = [row["archive"] for row in rig.journal()]
        remove(rig.trac.env, batch)
        one.look([])
        (again,) = one.take()
        assert again.raw is not None
        with pytest.raises(OSError, match="No such file"):
            again.raw.read()


# held mail ------------------------------------------------------------------------------------------------------------


def hold(rig: Rig, one: Hands) -> int:
    """A held mail with its bytes in the archive. Returns its number."""
    one.look(listed(1))
    (mine,) = archived(rig, one, *one.take())
    one.recorder.record([Refused(mine, message(), Outcome(Status.HELD, "bulk", "So."), ())])
    return mine.id


def test_held_mail_is_taken_by_one_administrator_at_a_time(rig: Rig) -> None:
    """With its bytes, whatever has become of its mailbox; if nothing is recorded it is held again."""
    with hands(rig) as one:
        number = hold(rig, one)
        with hands(rig) as other:
            mine = other.claims.reclaim(number)
            assert mine is not None
            assert mine.again
            assert mine.service == SERVICE
            assert mine.raw is not None
            assert found(rig.trac.env, rig.journal()[0]["archive"], mine.raw.offset, mine.raw.length).read() == BYTES
            assert one.claims.reclaim(number) is None
            assert states(rig) == ["reclaimed"]
        assert states(rig) == ["held"]
        assert one.claims.reclaim(number) is not None


def test_only_held_mail_is_taken_out_of_quarantine(rig: Rig) -> None:
    """Neither what is in work, nor what has another outcome, nor what is not there."""
    with hands(rig) as one:
        one.look(listed(1, 2))
        first, second = one.take()
        one.end(second)
        assert [one.claims.reclaim(number) for number in (first.id, second.id, 999)] == [None, None, None]
        assert states(rig) == ["claimed", "discarded"]


# new tickets ----------------------------------------------------------------------------------------------------------


def test_a_service_has_room_for_so_many_new_tickets_an_hour(rig: Rig) -> None:
    """Those of the last hour count, since the service was last enabled; without a limit there is always room."""
    with hands(rig) as one:
        unlimited, limited = service(rate_service="0"), service(rate_service="2")
        assert one.claims.room(unlimited) == (sys.maxsize, "")
        assert one.claims.room(limited) == (2, "")
        with rig.trac.env.db_transaction as db:
            for age, state in ((0.1, "created"), (0.5, "created"), (0.2, "commented"), (2, "created")):
                db(
                    "INSERT INTO mailintake_delivery (service, state, counted) VALUES (%s, %s, %s)",
                    (SERVICE, state, now() - int(age * HOUR)),
                )
        room, why = one.claims.room(limited)
        assert room == 0
        assert why.startswith("2 new tickets within an hour; rate_service allows 2.")
        assert one.claims.room(replace(limited, resumed=Microseconds(now() - int(0.3 * HOUR)))) == (1, "")
        assert one.claims.room(replace(limited, name="another")) == (2, "")


# many workers, two hosts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 7])
def test_each_mail_is_claimed_once_however_many_want_it(rig: Rig, limit: int) -> None:
    """Three look at the same mailbox, and claim at the same time until there is nothing left."""
    numbers = range(1, 31)
    gate = Barrier(3, timeout=60)
    got: list[list[str]] = []

    def work() -> None:
        taken: list[str] = []
        with hands(rig) as one:
            one.look(listed(*numbers))
            gate.wait()
            while some := one.take(limit):
                taken += locators(some)
            got.append(taken)
            gate.wait()

    workers = [Thread(target=work) for _ in range(3)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(120)
    assert len(got) == 3
    assert sorted(each for taken in got for each in taken) == sorted(each.locator for each in listed(*numbers))


def test_a_lease_that_is_renewed_holds_on(rig: Rig) -> None:
    """Otherwise another host takes the mail over, and the first worker writes nothing."""
    with hands(rig) as one, hands(rig) as other:
        one.look(listed(1, 2))
        first, second = one.take()
        other.look(listed(1, 2))
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET lease=1")
        with unseen(rig, one):
            one.claims.renew([first])
            assert locators(other.take()) == ["1/2"]
            one.end(first)
            one.claims.renew([second])  # which changes nothing
            with pytest.raises(NoLongerMine):
                one.end(second)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_whatever_workers_do_with_their_claims(rig: Rig, seed: int) -> None:
    """Claimed, released, deferred, fetched, decided, in any order: in the end each mail has one outcome."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    numbers = range(1, 9)
    for _ in range(12):
        with hands(rig) as one:
            one.look(listed(*numbers))
            taken = one.take(chance.randrange(1, 5))
            fetched = archived(rig, one, *(each for each in taken if chance.random() < 0.5))
            for each in {each.id: each for each in (*taken, *fetched)}.values():
                _do(chance.choice(["release", "defer", "fail", "decide", "nothing"]), one, [each])
    with hands(rig) as last:
        last.look(listed(*numbers))
        while some := last.take():
            last.end(*some)
    assert sorted(rig.outcomes) == [("discarded", "test")] * len(numbers)


def _do(what: str, one: Hands, mine: Sequence[Delivery]) -> None:
    """One of the ends that a claim has."""
    match what:
        case "release":
            one.claims.release(mine)
        case "defer" | "fail":
            one.claims.defer(mine[0], "later", seconds=Seconds(0), counted=what == "fail")
        case "decide":
            one.end(*mine)
