"""What a round may claim next, and what the objects of one worker know of each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, service
from tests.rig import Rig
from trac_mailintake.intake.model import Account, Listed
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.db.transaction import DAY, now, transaction
from trac_mailintake.tracker.deliveries.rows import fresh, live_key, rows_of
from trac_mailintake.tracker.deliveries.session import BATCH_BYTES, Session, Waiting, begins
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.workers import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

ACCOUNT = Account("imap", "imap://ann@mail.example.org/INBOX")


def waiting(*sizes: int | None, day: int = 0) -> Waiting:
    """Messages of these sizes, which arrived on a day of January; 0: the server does not say when."""
    arrived = datetime(2026, 1, day, tzinfo=UTC) if day else None
    return Waiting({str(place): Listed(str(place), "v1", size, arrived) for place, size in enumerate(sizes)})


@pytest.fixture
def session(sqlite_env: TracEnv, tmp_path: Path) -> Iterator[Session]:
    """One worker's."""
    Rig(sqlite_env, tmp_path)
    worker = Worker(sqlite_env.env)
    yield Session(sqlite_env.env, worker)
    worker.close()


@pytest.mark.parametrize(
    ("sizes", "limit", "taken"),
    [
        ((100, 100, 100), 2, 2),
        ((None, None), 50, 2),
        ((BATCH_BYTES, 1, 1), 50, 1),
        ((BATCH_BYTES + 1, 1), 50, 1),
        ((1, BATCH_BYTES), 50, 1),
        ((), 50, 0),
    ],
)
def test_a_batch_is_bounded_by_number_and_by_bytes(sizes: tuple[int | None, ...], limit: int, taken: int) -> None:
    """But it has at least one message, however large that is."""
    assert list(waiting(*sizes).next(service(), limit)) == [str(place) for place in range(taken)]


@pytest.mark.parametrize(
    ("start", "day", "number"), [("2026-01-10", 9, 0), ("2026-01-10", 10, 2), ("2026-01-10", 0, 2), ("all", 9, 2)]
)
def test_nothing_from_before_the_services_start_is_due(start: str, day: int, number: int) -> None:
    """A message of which nobody knows when it arrived is."""
    wanted = replace(service(), start=start)
    assert len(waiting(1, 1, day=day).due(wanted)) == number
    assert len(waiting(1, 1, day=day).next(wanted, 50)) == number


def test_what_is_in_the_archive_is_due_whenever_it_arrived() -> None:
    """The start date was changed after it was fetched; it must be decided, as its mailbox may not have it any more."""
    wanted = replace(service(), start="2026-01-10")
    fetched = replace(waiting(1, 1, 1, day=9), archived=frozenset({"1"}))
    assert list(fetched.due(wanted)) == list(fetched.next(wanted, 50)) == ["1"]


def test_a_service_may_begin_with_a_date() -> None:
    """At midnight, UTC."""
    assert begins(replace(service(), start="now")) is None
    assert begins(replace(service(), start="2026-01-10")) == datetime(2026, 1, 10, tzinfo=UTC)


def test_a_mailbox_that_was_not_reconciled_has_nothing(session: Session) -> None:
    """Afterwards all see the same."""
    assert session.of(ACCOUNT).messages == {}
    session.of(ACCOUNT).messages["a"] = Listed("1", "v1")
    assert session.of(ACCOUNT) is session.waiting[ACCOUNT.label]
    assert list(session.of(ACCOUNT).messages) == ["a"]


def test_what_was_decided_is_no_longer_open(session: Session) -> None:
    """Its batch is relied on from now on; a mail that was too large for the archive has none."""
    session.open |= {1, 2, 3}
    session.decided([replace(DELIVERY, id=1, raw=Slice("batch", 0, 9)), replace(DELIVERY, id=2, raw=None)])
    assert (session.open, session.relied_on) == ({3}, {"batch"})


def test_whose_claim_holds(session: Session) -> None:
    """That of a live worker of this folder; of a dead one never; of one elsewhere until its lease has expired."""
    other = Worker(session.env)
    for owner, lease, holds in (
        (session.worker.owner, 0, True),
        (other.owner, 0, True),
        ("elsewhere", now() + 1_000_000, True),
        ("elsewhere", now() - 1_000_000, False),
        ("elsewhere", now() + DAY, False),
    ):
        listed = Listed(f"{owner}{lease}", "v1")
        with transaction(session.env) as db:
            transitions.claim(db, [fresh(service(), ACCOUNT, listed, owner, Microseconds(lease))])
            (row,) = rows_of(db, [live_key(ACCOUNT, listed)])
        assert session.holds(row) is holds
    other.close()
    with transaction(session.env) as db:
        (row,) = rows_of(db, [live_key(ACCOUNT, Listed(f"{other.owner}0", "v1"))])
    assert not session.holds(row)
