"""Whichever call fails while `catchemail` sorts mail: ours is filed once, and nothing of what others wrote is kept."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from tests.crash import mails, rounds
from tests.crash.conftest import LANES
from tests.crash.faults import NONE, Fault, Way
from tests.crash.scene import well
from tests.crash.zygote import call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.conftest import Places
    from tests.crash.places import Place
    from tests.crash.scene import Environments

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3600)]

SECRET: Final = b"what-others-wrote"
EVERY: Final = 10_000
"""More tries than there are calls."""


def for_others(number: int) -> bytes:
    """A mail for another address, with an attachment that would be worth stealing."""
    sent = mails.request(number, {"notes.txt": b"plain"}).replace(b"To: support@", b"To: sales@")
    return sent.replace(b"number %d" % number, SECRET)


OURS: Final = (mails.request(1), mails.reply(1, to=1))
OTHERS: Final = (for_others(7), for_others(8), for_others(9))


def attempt(env: Path, place: Place, fault: Fault) -> tuple[int, list[str]]:
    """Let a round fail over mail of both kinds, and run again. Returns the calls it made, and what is wrong."""
    server, service = place.settings
    place.deliver(OTHERS[0], OURS[0], OTHERS[1], OURS[1], OTHERS[2])
    prepared = rounds.prepare, (env, server, {**service, "catchemail": "support@example.org"})
    first = call(rounds.in_turn, prepared, place.round(env, fault))
    place.later()
    steps = [place.round(env)] if fault.way is Way.KILLED else [(rounds.hour_passes, (env,)), place.round(env)] * 2
    *_, state = well(call(rounds.in_turn, *steps, (rounds.look, (env,))))
    problems = [f"stray: {each}" for each in state.strays]
    tickets = [(each.summary, each.comments) for each in state.tickets]
    problems += [] if tickets == [("Request 1", ("Answer 1.",))] else [f"tickets: {tickets}"]
    rows = sorted((row.outcome, row.rule, bool(row.archived)) for row in state.rows)
    left = [("ignored", "catchemail", False)] * 3
    problems += [] if [row for row in rows if row[0] == "ignored"] == left and len(rows) == 5 else [f"rows: {rows}"]
    there = b"".join(place.there())
    missing = [each for each in OTHERS if each not in there]
    problems += [f"{len(missing)} mails for others are gone"] if missing else []
    problems += [f"{path} has bytes of others" for path in env.rglob("*") if path.is_file() and _tells(path)]
    calls = first.result[-1].calls if first.result else 0
    return calls, [f"call {fault.at} {fault.way.value}: {each}" for each in problems]


def _tells(path: Path) -> bool:
    return SECRET in path.read_bytes()


@pytest.mark.parametrize(
    ("environments", "kind", "way", "tries"),
    [
        ("sqlite", "imap", Way.KILLED, EVERY),
        *(("sqlite", kind, Way.KILLED, 20) for kind in ("maildir", "pop3")),
        *(("sqlite", kind, Way.KILLED, 8) for kind in ("mbox", "directory")),
        *(("sqlite", kind, Way.REFUSED, 8) for kind in ("maildir", "imap", "pop3")),
        ("postgres", "imap", Way.KILLED, 8),
    ],
    indirect=["environments"],
)
def test_ours_is_filed_and_nothing_of_others_is_kept(
    environments: Environments, places: Places, kind: str, way: Way, tries: int
) -> None:
    """Whichever call fails. What is for others stays in its mailbox, with a row that says so and names no bytes."""

    def fail(at: int) -> list[str]:
        with environments() as env:
            return attempt(env, places(kind), Fault(at, way))[1]

    with environments() as env:
        calls, problems = attempt(env, places(kind), NONE)
    assert problems == []
    stride = 1 if os.environ.get("MAILINTAKE_EVERY_STEP") == "1" else max(1, calls // tries)
    steps = range(1, calls + 1, stride)
    with ThreadPoolExecutor(LANES) as lanes:
        wrong = [each for found in lanes.map(fail, steps) for each in found]
    print(f"{kind}, {way.value}: {calls} calls, {len(steps)} tried")  # noqa: T201 - the figures are asked for
    assert not wrong, "\n".join(["", *wrong])
