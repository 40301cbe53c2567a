"""Whichever call fails while known mail is recognised under a new UIDVALIDITY: each mail keeps one row, one ticket."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.crash import mails, rounds
from tests.crash.conftest import LANES
from tests.crash.faults import NONE, Fault, Way
from tests.crash.places import Streamed
from tests.crash.scene import well
from tests.crash.zygote import call
from tests.sources.restless import RestlessImap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.crash.scene import Environments

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3600)]

SUBJECTS = ["Marked up", "Re: Two files", "Request 1", "Two files"]
EVERY = 10_000
"""More tries than there are calls."""


class Renumbered(Streamed):
    """An IMAP server whose mail is left there, or removed."""

    def __init__(self, server: RestlessImap, afterwards: str, start: str = "all") -> None:
        super().__init__(server)
        self.afterwards = afterwards
        self.start = start

    @property
    def settings(self) -> tuple[dict[str, str], dict[str, str]]:
        """See `Place`."""
        server, service = super().settings
        return dict(server), {**service, "afterwards": self.afterwards, "start": self.start}


def attempt(env: Path, afterwards: str, fault: Fault) -> tuple[int, list[str]]:
    """File some mail; number it anew, write into it, and add one more; let a round fail; run again.

    Returns how many calls the failing round made, and what is not as it should be.
    """
    with RestlessImap(mails.LOAD) as server:
        place = Renumbered(server, afterwards)
        if afterwards == "delete":
            server.bend.refuses[b"STORE"] = b"NO not now"
        well(call(rounds.in_turn, (rounds.prepare, (env, *place.settings)), place.round(env)))
        server.bend.refuses.clear()
        server.validity += 1
        server.write("RO")
        server.deliver(mails.request(1))
        first = call(rounds.in_turn, place.round(env, fault))
        steps = [place.round(env)] if fault.way is Way.KILLED else [(rounds.hour_passes, (env,)), place.round(env)] * 2
        *_, state = well(call(rounds.in_turn, *steps, (rounds.look, (env,))))
        left = len(place.there())
    subjects = sorted(str(row.subject) for row in state.rows)
    problems = [f"stray: {each}" for each in state.strays]
    problems += [] if subjects == SUBJECTS else [f"rows: {[(row.outcome, row.subject) for row in state.rows]}"]
    problems += [] if len(state.tickets) == 3 else [f"{len(state.tickets)} tickets"]
    problems += [] if left == (4 if afterwards == "leave" else 0) else [f"{left} mails are there"]
    calls = first.result[-1].calls if first.result else 0
    return calls, [f"call {fault.at} {fault.way.value}: {each}" for each in problems]


def attempt_unread(env: Path, dates: bool, fault: Fault) -> tuple[int, list[str]]:  # noqa: FBT001 - a case
    """Pass over some mail that was there before; number it anew, add one more; let a round fail; run again.

    With other `dates` nobody knows which mail is new, and each is held, once.
    """
    with RestlessImap(mails.LOAD) as server:
        place = Renumbered(server, "leave", "now")
        well(call(rounds.in_turn, (rounds.prepare, (env, *place.settings)), place.round(env)))
        server.validity += 1
        server.dates = dates
        server.deliver(mails.request(1))
        first = call(rounds.in_turn, place.round(env, fault))
        steps = [place.round(env)] if fault.way is Way.KILLED else [(rounds.hour_passes, (env,)), place.round(env)] * 2
        *_, state = well(call(rounds.in_turn, *steps, (rounds.look, (env,))))
    outcomes = Counter(row.outcome for row in state.rows)
    old, filed = len(mails.LOAD), int(not dates)
    wanted = {"ignored": old, "held": old + 1} if dates else {"ignored": old, "created": filed}
    problems = [] if outcomes == Counter(wanted) else [f"rows: {outcomes}"]
    problems += [] if len(state.tickets) == filed else [f"{len(state.tickets)} tickets"]
    calls = first.result[-1].calls if first.result else 0
    return calls, [f"call {fault.at} {fault.way.value}: {each}" for each in problems]


@pytest.mark.parametrize("environments", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("dates", "way"), [(False, Way.KILLED), (False, Way.REFUSED), (True, Way.KILLED)])
def test_no_mail_from_before_the_start_is_filed_whichever_call_fails(
    environments: Environments,
    dates: bool,  # noqa: FBT001 - a case
    way: Way,
) -> None:
    """And each mail that nobody has read keeps its row."""
    _at_every_step(environments, lambda env, fault: attempt_unread(env, dates, fault), way, 12)


@pytest.mark.parametrize(
    ("environments", "afterwards", "way", "tries"),
    [
        ("sqlite", "leave", Way.KILLED, EVERY),
        ("sqlite", "leave", Way.REFUSED, 15),
        ("sqlite", "leave", Way.UNANSWERED, 15),
        ("sqlite", "delete", Way.KILLED, 25),
        ("postgres", "leave", Way.KILLED, 12),
    ],
    indirect=["environments"],
)
def test_each_mail_has_one_row_whichever_call_fails(
    environments: Environments, afterwards: str, way: Way, tries: int
) -> None:
    """Known mail keeps its row, what is new among it is filed, and copies that were left over go."""
    _at_every_step(environments, lambda env, fault: attempt(env, afterwards, fault), way, tries)


def _at_every_step(
    environments: Environments, trial: Callable[[Path, Fault], tuple[int, list[str]]], way: Way, tries: int
) -> None:
    """Let so many of a round's calls fail in turn; all, if the environment of the tests says so."""

    def fail(at: int) -> list[str]:
        with environments() as env:
            return trial(env, Fault(at, way))[1]

    with environments() as env:
        calls, problems = trial(env, NONE)
    assert problems == []
    stride = 1 if os.environ.get("MAILINTAKE_EVERY_STEP") == "1" else max(1, calls // tries)
    steps = range(1, calls + 1, stride)
    with ThreadPoolExecutor(LANES) as lanes:
        wrong = [each for found in lanes.map(fail, steps) for each in found]
    print(f"{way.value}: {calls} calls, {len(steps)} tried")  # noqa: T201 - the figures are asked for
    assert not wrong, "\n".join(["", *wrong])
