"""A check of the archive finds every byte that is not as it was fetched, and nothing else."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, mail
from tests.tracker.deliveries.test_inventory import files, restored
from trac_mailintake.tracker.archive.store import stored
from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.restore.verification import Verified, verify

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(sqlite_env, tmp_path)


def test_an_archive_that_is_whole(rig: Rig) -> None:
    """Nothing is said but how much was read."""
    rig.drop(mail("One"), mail("Two"))
    rig.run()
    verified = verify(rig.trac.env)
    assert list(verified.sentences()) == ["Read: 2 mails in 1 files. Damaged: 0. No row: 0."]
    assert (verified.damaged, verified.missing, verified.unknown) == ([], [], [])


@pytest.mark.parametrize("seed", range(4))
def test_each_byte_is_read(rig: Rig, seed: int) -> None:
    """One bit is other than it was, anywhere: exactly one mail, or one record, is damaged."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    rig.drop(*(mail(f"Mail {each}") for each in range(3)))
    rig.run()
    [path] = files(rig)
    whole = path.read_bytes()
    for _ in range(25):
        place = chance.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << chance.randrange(8)]) + whole[place + 1 :])
        verified = verify(rig.trac.env)
        assert len(verified.damaged) == 1, place
        assert stored(rig.trac.env, str(path)) in next(verified.sentences())


def test_what_is_missing_lost_or_unknown_is_named(rig: Rig) -> None:
    """Each with what to do about it, or with what is not known."""
    rig.drop(mail("Its file goes"))
    rig.run()
    [gone] = files(rig)
    with restored(rig):
        rig.drop(mail("Its row goes"))
        rig.run()
    gone.unlink()
    [kept] = files(rig)
    (kept.parent / "old-1.mails").write_bytes(mail("No record"))
    verified = verify(rig.trac.env)
    assert verified.missing == [(stored(rig.trac.env, str(gone)), 1)]
    assert verified.unknown == [stored(rig.trac.env, str(kept.parent / "old-1.mails"))]
    assert (verified.lost, verified.unrecorded, verified.damaged) == (1, 1, [])
    text = "\n".join(verified.sentences())
    for words in (gone.name, "old-1.mails has no records", "No row: 1.", "archive refile", "Files without records: 1"):
        assert words in text
    assert verified.shown()["missing"] == [{"batch": stored(rig.trac.env, str(gone)), "deliveries": 1}]


def test_what_is_purged_meanwhile_is_not_damaged(rig: Rig) -> None:
    """The file goes after its records were read, and before its mails are."""
    rig.drop(mail("One"))
    rig.run()
    [batch] = inventory.batches(rig.trac.env)
    files(rig)[0].unlink()
    verified = Verified()
    verified.add(batch)
    assert (verified.mails, verified.damaged) == (1, [])


def test_only_a_look_at_everything_is_remembered(rig: Rig) -> None:
    """*Status* must not believe that all is well because one service's mail is."""
    with restored(rig):
        rig.drop(mail("Lost"))
        rig.run()
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    assert verify(rig.trac.env, tomorrow).lost == 0
    assert verify(rig.trac.env, None, "other").lost == 0
    assert inventory.seen(rig.trac.env).when == 0
    assert verify(rig.trac.env).lost == 1
    assert inventory.seen(rig.trac.env).lost == 1
