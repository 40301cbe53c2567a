"""A round keeps nothing of the mails that it has done, so that its memory does not grow with the mailbox."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from typing import TYPE_CHECKING

from tests.rig import SERVICE, Rig, mail
from trac_mailintake.intake.stages.dispose import DISPOSAL

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.servers.tracenv import TracEnv

MAILS = 3 * DISPOSAL


def test_a_round_keeps_nothing_of_what_is_done(
    sqlite_env: TracEnv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No value of ours is kept for a mail, nor any other object, but its line of the listing."""
    caplog.set_level(logging.CRITICAL, sqlite_env.env.log.name)  # it keeps all that is logged
    rig = Rig(sqlite_env, tmp_path, rate_sender="0")
    rig.drop(*(mail() for _ in range(MAILS)))
    ours: list[Counter[str]] = []
    all_objects: list[int] = []

    def progress(done: int, _: int) -> None:
        if done % DISPOSAL == 0:
            gc.collect()
            objects = gc.get_objects()
            all_objects.append(len(objects))
            ours.append(Counter(map(_named, filter(_is_ours, objects))))

    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        report = assembly.spine.run(service, assembly.settings.open(service), progress=progress)
    assert report.listed == report.counts.total() == MAILS
    assert not rig.left
    assert all(row["consumed"] for row in rig.journal())
    assert not ours[-1] - ours[0]
    assert all_objects[-1] - all_objects[0] < (MAILS - DISPOSAL) / 2


def _is_ours(each: object) -> bool:
    return str(type(each).__module__).startswith("trac_mailintake.")


def _named(each: object) -> str:
    return type(each).__qualname__
