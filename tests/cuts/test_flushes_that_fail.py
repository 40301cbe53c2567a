"""A flush that fails is not tried again and then believed: what it was for is made anew, or the mail waits.

A round over three mails flushes some sixty times. For some n, or for every n with MAILINTAKE_EVERY_STEP=1, the n-th
fails; then one runs again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.crash import mails, rounds, scene
from tests.crash.faults import Fault, Way
from tests.crash.places import Maildir
from tests.crash.zygote import call
from tests.cuts.calls import FLUSHES, Traced
from tests.cuts.disk import Disk, losing_at
from tests.cuts.test_order import disposals, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.cuts.calls import Call
    from tests.cuts.conftest import Stage

pytestmark = [pytest.mark.crash, pytest.mark.sqlite, pytest.mark.timeout(3600)]


@pytest.mark.parametrize(("flush", "tries"), [("fsync", 7), ("fdatasync", 5)])
def test_no_flush_that_failed_is_believed(stage: Stage, tmp_path: Path, flush: str, tries: int) -> None:
    """`fsync` is ours: archive, attachments, intents, folders; `fdatasync` is SQLite's. Nothing is lost, or twice."""
    trac, traced = stage(Maildir(tmp_path / "unharmed"))
    run(trac)
    number = sum(each.name == flush for each in traced.calls())
    stride = 1 if os.environ.get("MAILINTAKE_EVERY_STEP") == "1" else max(1, number // tries)
    wrong = [text for at in range(1, number + 1, stride) if (text := _fail(stage, tmp_path / str(at), flush, at))]
    assert not wrong, "\n".join(["", *wrong])


def _fail(stage: Stage, folder: Path, flush: str, at: int) -> str:
    """Let one flush fail, then run until all is done; what is wrong."""
    folder.mkdir()
    place = Maildir(folder / "maildir")
    trac, traced = stage(place, "-e", f"inject={flush}:error=EIO:when={at}")
    disk = Disk(trac.path)
    trac.admin("mailintake", "run", rounds.SERVICE, "--force")
    failing = traced.calls()
    scene.well(call(rounds.hour_passes, trac.path))
    again = Traced(folder)
    trac.python = again.python
    run(trac)
    calls = [*failing, *again.calls()]
    steps = [(rounds.hour_passes, (trac.path,)), place.round(trac.path), (rounds.look, (trac.path,))]
    *_, state = scene.well(call(rounds.in_turn, *steps))
    after = scene.Try(Fault(at, Way.REFUSED), call(int), (), state, tuple(place.there()))
    found = [*after.problems(), *_believed(failing, trac.path)]
    early = disposals(failing, place)
    if _commit_failed(failing):
        # The last commit of that run may be undone, but not the one before it: mails of that may go, not all.
        found += ["all mails went though a commit was not flushed"] * (len(early) == len(mails.LOAD))
        early = []
    moments = [*early, *(each for each in disposals(calls, place) if each >= len(failing))]
    found += [f"{losing} at {each}" for each, losing in losing_at(disk, calls, moments) if losing]
    failed = next((each.path for each in failing if each.name == flush and each.failed), "none")
    return f"{flush} {at} of {failed}: {'; '.join(found)}" if found else ""


def _commit_failed(calls: Sequence[Call]) -> bool:
    """Whether the flush failed that follows the removal of a journal; SQLite ignores it where one was made."""
    last = ""
    for each in calls:
        if each.name in FLUSHES and each.failed:
            return last == "unlink" and os.path.basename(each.path) == "db"
        if each.path.endswith("trac.db-journal"):
            last = each.name
    return False


def _believed(calls: Sequence[Call], env: Path) -> list[str]:
    """Files of which a flush failed and a later one did not, or that are there still."""
    folders = {os.path.dirname(path) for each in calls for path in each.paths}
    failed: set[str] = set()
    found = []
    for each in calls:
        if each.name not in FLUSHES or each.path.startswith(str(env / "db")):
            continue
        if each.failed:
            failed.add(each.path)
        elif each.path in failed - folders:
            found.append(f"flushed again: {each.path}")
    return found + [f"still there: {each}" for each in failed if Path(each).is_file()]
