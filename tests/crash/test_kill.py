"""For real: a round over 200 mails, killed with SIGKILL at random moments and started again, until all is done."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.crash import mails, many, rounds
from tests.crash.scene import well
from tests.crash.zygote import Forked, call
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.conftest import Places
    from tests.crash.places import Place
    from tests.crash.scene import Environments

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3600)]

MAILS = 200
KILLS = 50
LONGEST = 0.6
"""Seconds that a round is left alone at most."""

ALL = [
    *(("sqlite", kind, KILLS if kind == "maildir" else 8) for kind in ("maildir", "imap", "pop3")),
    *(("postgres", kind, 8) for kind in ("maildir", "imap", "pop3")),
    ("mariadb", "maildir", 8),
]
"""Database, kind of source, and how many kills are enough unless all are asked for."""


def _kill_often(env: Path, place: Place, kills: int, chance: random.Random) -> int:
    """Start rounds and kill them; how many were hit before all was done."""
    for killed in range(kills):
        function, arguments = place.round(env)
        forked = Forked(function, *arguments)
        if not forked.running(chance.uniform(0, LONGEST)):
            if forked.wait().status == 0 and not place.there():
                return killed
            continue
        forked.kill()
        forked.wait()
    return kills


@pytest.mark.parametrize(("environments", "kind", "enough"), ALL, indirect=["environments"])
def test_each_mail_is_filed_once_however_often_its_round_is_killed(
    environments: Environments, places: Places, kind: str, enough: int
) -> None:
    """200 outcomes; each request one ticket, each answer one comment on it, each file once; the mailbox empty."""
    kills = KILLS if os.environ.get("MAILINTAKE_EVERY_STEP") == "1" else enough
    seed = random.SystemRandom().randrange(1 << 32)
    place, sent = places(kind), mails.load(MAILS)
    place.deliver(*sent)
    with environments() as env:
        well(call(rounds.prepare, env, *place.settings))
        killed = _kill_often(env, place, kills, random.Random(seed))  # noqa: S311 - which can be repeated
        well(call(rounds.in_turn, place.round(env)))
        # Three deaths in a row over one mail set it aside, and chance may have it so: that is for the administrator.
        held = well(call(rounds.retry_held, env))
        well(call(rounds.in_turn, place.round(env)))
        state = well(call(rounds.look, env))
    said = f"{kind}: seed {seed}, {killed} kills, {len(held)} held"
    print(said)  # noqa: T201 - the figures are asked for
    assert place.there() == [], said
    assert many.problems(state, sent, alone=held) == [], said


def test_the_command_itself_may_be_killed(environments_once: Path, places: Places) -> None:
    """`trac-admin ENV mailintake run`, started by a shell and killed, five times."""
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)  # noqa: S311 - which can be repeated
    place, sent = places("maildir"), mails.load(80)
    place.deliver(*sent)
    trac = TracEnv(environments_once)
    well(call(rounds.prepare, trac.path, *place.settings))
    for _ in range(5):
        with trac.start("mailintake", "run", rounds.SERVICE, "--force") as process:
            time.sleep(chance.uniform(0.5, 2))
            process.kill()
    ended = trac.admin("mailintake", "run", rounds.SERVICE, "--force")
    assert ended.status == 0, ended
    assert place.there() == [], seed
    assert many.problems(well(call(rounds.look, trac.path)), sent) == [], seed
