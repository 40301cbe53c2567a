"""A refiling that is killed before any of its calls: the next one files what is left, and nothing twice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.crash import mails, rounds
from tests.crash.faults import Fault
from tests.crash.scene import Try, well
from tests.crash.zygote import call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.conftest import Places
    from tests.crash.places import Place
    from tests.crash.scene import Environments

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3600)]

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
