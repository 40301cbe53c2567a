"""Several rounds at once on one mailbox: each mail is taken by one of them."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.crash import mails, many, rounds, scene
from tests.crash.faults import Fault, Way
from tests.crash.scene import well
from tests.crash.zygote import Forked, call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.conftest import Places
    from tests.crash.scene import Environments
    from tests.servers.postgres import Postgres

pytestmark = [pytest.mark.crash, pytest.mark.timeout(1800)]

MAILS = 400
ALL = [
    *((database, kind) for database in ("sqlite", "postgres") for kind in ("maildir", "imap", "pop3")),
    ("mariadb", "maildir"),
]


def _at_once(*environments: Path) -> list[rounds.Done]:
    """A round in each, begun at the same moment."""
    moment = time.monotonic() + 1
    forked = [Forked(rounds.at_once, env, moment) for env in environments]
    return [well(each.wait(600)) for each in forked]


@pytest.mark.parametrize(("environments", "kind"), ALL, indirect=["environments"])
def test_four_rounds_at_once_take_each_mail_once(environments: Environments, places: Places, kind: str) -> None:
    """400 mails, 400 outcomes, each answer a comment on its request, and nothing deferred."""
    place, sent = places(kind), mails.load(MAILS)
    place.deliver(*sent)
    with environments() as env:
        well(call(rounds.prepare, env, *place.settings))
        done = _at_once(env, env, env, env)
        state = well(call(rounds.look, env))
    assert [each.status for each in done] == [0, 0, 0, 0], done
    assert many.problems(state, sent) == [], done
    assert place.there() == []


@pytest.fixture
def hosts(tmp_path: Path, postgres: Postgres) -> tuple[Path, Path]:
    """Two environments on one database, whose workers cannot see one another: only leases keep them apart."""
    here = scene.make(tmp_path / "here", postgres.fresh_schema(), ("mailintake", "instance", "both"))
    there = tmp_path / "there"
    shutil.copytree(here, there)
    return here, there


def test_workers_of_two_hosts_take_each_mail_once(hosts: tuple[Path, Path], places: Places) -> None:
    """They cannot tell whether the other lives, and leave alone what it has a lease on."""
    place, sent = places("maildir"), mails.load(200)
    place.deliver(*sent)
    well(call(rounds.prepare, hosts[0], *place.settings))
    done = _at_once(*hosts)
    again = _at_once(*hosts)
    state = well(call(rounds.look, hosts[0]))
    assert many.problems(state, sent, shared=False) == [], (done, again)
    assert place.there() == []


@pytest.mark.parametrize("part", range(12))
def test_a_worker_that_slept_beyond_its_lease_writes_nothing(
    hosts: tuple[Path, Path], places: Places, part: int
) -> None:
    """Stopped (SIGSTOP) at any moment, its mail taken over by another host an hour later, and let go on."""
    place = places("maildir")
    place.deliver(*mails.LOAD)
    here, there = hosts
    well(call(rounds.prepare, here, *place.settings))
    calls = 240
    sleeper = Forked(rounds.in_turn, place.round(here, Fault(1 + part * calls // 12, Way.PAUSED)))
    assert sleeper.stopped()
    # Where it sleeps within a transaction, the database makes the other one wait for it.
    other = Forked(rounds.in_turn, (rounds.hour_passes, (there,)), place.round(there))
    other.running(3)
    sleeper.resume()
    well(other.wait())
    well(sleeper.wait())
    _, _, state = well(call(rounds.in_turn, (rounds.hour_passes, (here,)), place.round(here), (rounds.look, (here,))))
    assert Counter((row.outcome, row.subject) for row in state.rows) == Counter(
        [("created", "Two files"), ("commented", "Re: Two files"), ("created", "Marked up")]
    )
    assert sorted((ticket.summary, ticket.comments, len(ticket.attachments)) for ticket in state.tickets) == [
        ("Marked up", (), 0),
        ("Two files", ("I forgot one thing.",), 2),
    ]
    assert place.there() == []
