"""Rounds on IMAP servers that bend their answers: filed byte for byte and gone, or untouched."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Remote, mail
from tests.sources.bent import SLICES, WHOLES, Bend, BentServer
from trac_mailintake.intake.model import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.tracenv import TracEnv

LARGE: Final = 1_700_000
SEED: Final = 20_260_201


def letters(count: int) -> list[bytes]:
    """Every other one is too large for one slice."""
    long = "A line of a large mail, which says nothing.\n" * (LARGE // 44)
    return [mail(f"Mail {number}", body=long if number % 2 else "How?\n") for number in range(count)]


def bends(sent: list[bytes], chance: random.Random) -> Mapping[int, Bend]:
    """For each large mail another thing that is wrong with it."""
    ways = list(itertools.product(SLICES, WHOLES))
    chance.shuffle(ways)
    made = {}
    for uid, content in enumerate(sent, 1):
        if len(content) > LARGE // 2:
            slices, whole = ways.pop()
            more = chance.choice((0, 0, 1000, 3_000_000))
            made[uid] = Bend(SLICES[slices], WHOLES[whole], lambda size, more=more: size + more, split=uid % 3 == 0)  # type: ignore[misc]  # a lambda with a default
    return made


def _later(trac: TracEnv) -> None:
    """What was deferred is due."""
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=0 WHERE state IN ('free', 'deferred', 'sealed')")


@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
def test_what_nobody_gives_whole_is_deferred_alone(sqlite_env: TracEnv, seed: int) -> None:
    """Its neighbours are filed; it is in no archive and stays in its mailbox; when the server is mended it comes."""
    sent = letters(24)
    with BentServer(sent, Bend(), bends(sent, random.Random(seed))) as bent:  # noqa: S311 - which can be repeated
        rig = Remote(sqlite_env, "imap", bent.port, rate_sender="0")
        report = rig.run()
        left = [*bent.folders[b"INBOX"].values()]
        assert sorted(rig.archived()) == sorted(set(sent) - set(left))
        assert {content for content in sent if len(content) < LARGE // 2} <= set(rig.archived())
        assert report.error == ""
        assert report.counts[Status.DEFERRED] == len(report.deferred) == len(left)
        assert all("did not come" in each.reason for each in report.deferred)
        bent.bends = {}
        _later(sqlite_env)
        assert rig.run().counts[Status.CREATED] == len(left)
        assert bent.folders[b"INBOX"] == {}
        assert sorted(rig.archived()) == sorted(sent)


def test_a_mail_that_never_comes_whole_keeps_no_answer_waiting(sqlite_env: TracEnv) -> None:
    """Answers wait for its first retry, since it may be what they answer; not for those that follow."""
    [broken] = [each for each in letters(2) if len(each) > LARGE // 2]
    answer = mail("Re: something", "In-Reply-To: <unknown@example.org>")
    with BentServer([broken, answer], Bend(), {1: Bend(SLICES["nil later"], WHOLES["refused"])}) as bent:
        rig = Remote(sqlite_env, "imap", bent.port)
        rig.run()
        assert bent.folders[b"INBOX"].keys() == {1, 2}
        for _ in range(2):
            _later(sqlite_env)
            rig.run()
        assert bent.folders[b"INBOX"] == {1: broken}
        assert rig.archived() == [answer]
        [row] = [row for row in rig.journal() if row["outcome"] is None]
        assert "the server says NO server error" in row["failure"]
