"""A refiling that is killed or interrupted at any of its calls: nothing is lost, and nothing filed twice."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.crash import mails, rounds, scene
from tests.crash.faults import Fault, Way
from tests.crash.scene import Try, well
from tests.crash.zygote import Forked, call
from trac_mailintake.tracker.archive.store import BUSY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.conftest import Places
    from tests.crash.places import Place
    from tests.crash.scene import Environments

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3600)]

PARTS = 8
TRIES = 24
"""How many of its calls are tried unless all are asked for."""


def attempt(env: Path, place: Place, fault: Fault) -> Try:
    """File all mail, lose the database's rows, and let the refiling fail; then refile, and run once more."""
    place.deliver(*mails.LOAD)
    lost = [(rounds.prepare, (env, *place.settings)), place.round(env), (rounds.forget, (env,))]
    well(call(rounds.in_turn, *lost))
    first = call(rounds.in_turn, (rounds.refile, (env, fault)))
    steps = [(rounds.refile, (env,)), place.round(env), place.round(env)]
    *again, state = well(call(rounds.in_turn, *steps, (rounds.look, (env,))))
    return Try(fault, first, tuple(again), state, tuple(place.there()))


@pytest.mark.parametrize("environments", ["sqlite", "postgres"], indirect=True)
def test_nothing_is_lost_or_filed_twice(environments: Environments, places: Places) -> None:
    """Whichever call it was: two tickets, a comment, two files, three rows, nothing left over."""
    with environments() as env:
        whole = attempt(env, places("maildir"), Fault())
    assert whole.problems() == [], whole
    number = whole.calls
    every = os.environ.get("MAILINTAKE_EVERY_STEP") == "1"
    wrong = []
    for at in range(1, number + 1, 1 if every else max(1, number // TRIES)):
        with environments() as env:
            tried = attempt(env, places("maildir"), Fault(at))
        if tried.problems():
            wrong.append(str(tried))
    assert number > 100
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("environments", ["sqlite", "postgres"], indirect=True)
def test_others_at_the_same_time(environments: Environments, places: Places) -> None:
    """Stopped at any call, while others purge, refile, and run over a second copy of each mail; then it goes on.

    All is filed once, from bytes that are there. Only a purge that came first may remove them, and says so.
    """
    with environments() as env:
        whole = attempt(env, places("maildir"), Fault())
    busy, wrong = 0, []
    for part in range(PARTS):
        with environments() as env:
            place = places("maildir")
            place.deliver(*mails.LOAD)
            lost = [(rounds.prepare, (env, *place.settings)), place.round(env), (rounds.forget, (env,))]
            well(call(rounds.in_turn, *lost, (rounds.age_archive, (env,))))
            said, problems = _interrupted(env, place, Fault(1 + part * whole.calls // PARTS, Way.PAUSED))
        busy += BUSY in said
        wrong += [f"{part}: {each} ({said})" for each in problems]
    assert busy > PARTS // 3
    assert not wrong, "\n".join(wrong)


def _interrupted(env: Path, place: Place, fault: Fault) -> tuple[str, list[str]]:
    """What the purge said, and what is wrong in the end."""
    first = Forked(rounds.in_turn, (rounds.refile, (env, fault)))
    first.stopped()
    place.deliver(*mails.LOAD)
    others = [Forked(rounds.purge, env), Forked(rounds.refile, env), Forked(rounds.in_turn, place.round(env))]
    for each in others:
        each.running(1.5)  # whoever waits for a transaction goes on after it
    if first.running(0):
        first.resume()
    said, *_ = [well(each.wait()) for each in (*others, first)]
    steps = (rounds.refile, (env,)), place.round(env), (rounds.look, (env,))
    *_, state = well(call(rounds.in_turn, *steps))
    found = [*scene.of_tickets(state), *(f"stray: {each}" for each in state.strays)]
    found += [f"{row.subject}: its bytes are gone" for row in state.rows if row.archived == "missing"]
    outcomes = Counter(row.outcome for row in state.rows)
    if "no row of the journal had" not in said and outcomes != {"created": 2, "commented": 1, "duplicate": 3}:
        found.append(f"{outcomes}")
    return said, found
