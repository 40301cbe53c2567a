"""The two locks of an mbox: whoever else delivers into it or reads it uses one of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.sources.contract import mail, take
from tests.sources.local.test_mbox import MboxPlace
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Afterwards, Answer, Disposition
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.local import mbox, mbox_locks

if TYPE_CHECKING:
    from pathlib import Path

_HOLD = """
import fcntl, os, sys, time
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(60)
"""


def _source(place: MboxPlace, *, wait: float) -> mbox.MboxSource:
    return mbox.MboxSource(str(place.path), Disposition(Afterwards.DELETE), wait=Seconds(wait))


@pytest.fixture
def place(tmp_path: Path) -> MboxPlace:
    """An mbox that is not there yet."""
    return MboxPlace(tmp_path / "mbox")


def test_another_programs_fcntl_lock_is_waited_for_no_longer_than_said(place: MboxPlace) -> None:
    """Then the next run tries again."""
    place.deliver(mail(1))
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(place.path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        try:
            with pytest.raises(SourceError, match="another program has it locked"):
                _source(place, wait=0.3).list()
            assert holder.poll() is None
        finally:
            holder.kill()
    assert len(place.source("leave").list()) == 1


def test_a_dotlock_is_honoured_and_ours_removed(place: MboxPlace) -> None:
    """Delivery agents may use either lock."""
    place.deliver(mail(1))
    lock = place.path.with_name("mbox.lock")
    source = _source(place, wait=60)
    done = take(source)
    lock.touch()
    with pytest.raises(SourceError, match="another program holds"):
        _source(place, wait=0.3).dispose(done)
    assert place.there() == [mail(1)]
    threading.Timer(0.3, lock.unlink).start()
    assert source.dispose(done)[0].answer is Answer.COMPLETED
    assert place.there() == []
    assert not lock.exists()


def test_a_stale_dotlock_does_not_block_for_ever(place: MboxPlace) -> None:
    """Five minutes old, it is what a dead program left."""
    place.deliver(mail(1))
    lock = place.path.with_name("mbox.lock")
    lock.touch()
    old = time.time() - 400
    os.utime(lock, (old, old))
    assert len(_source(place, wait=1).list()) == 1


def test_a_folder_that_is_read_only_needs_no_dotlock(tmp_path: Path) -> None:
    """Where nobody can make one, only fcntl's lock counts; to empty the file, one is required."""
    missing = str(tmp_path / "none" / "mbox")
    with pytest.raises(FileNotFoundError), mbox_locks.dotlock(missing, Seconds(0), required=False):
        pass
    for required in (True, False):
        with mbox_locks.dotlock(str(tmp_path / "mbox"), Seconds(0), required=required):
            assert (tmp_path / "mbox.lock").read_text() == f"{os.getpid()}\n"
        assert not (tmp_path / "mbox.lock").exists()


def test_a_lock_that_was_taken_from_us_is_no_error(tmp_path: Path) -> None:
    """Somebody thought that it was stale."""
    with mbox_locks.dotlock(str(tmp_path / "mbox"), Seconds(0), required=True):
        (tmp_path / "mbox.lock").unlink()


def test_a_lock_that_is_another_programs_by_now_stays(tmp_path: Path) -> None:
    """It thought that ours was stale, and made its own."""
    with mbox_locks.dotlock(str(tmp_path / "mbox"), Seconds(0), required=True):
        (tmp_path / "mbox.lock").unlink()
        (tmp_path / "mbox.lock").write_bytes(b"1\n")
    assert (tmp_path / "mbox.lock").read_bytes() == b"1\n"


_HELD = """
import sys, time
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.local import mbox_locks
with mbox_locks.dotlock(sys.argv[1], Seconds(60), required=True):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_lock_of_a_process_that_was_killed_is_taken_at_once(tmp_path: Path) -> None:
    """Again and again; that of a living one is not."""
    box = tmp_path / "mbox"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", _HELD, str(box)], stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            holder.stdout.readline()
            with (
                pytest.raises(SourceError, match="another program holds"),
                mbox_locks.dotlock(str(box), Seconds(0.1), required=True),
            ):
                pytest.fail("It is held.")
            holder.kill()
    assert (tmp_path / "mbox.lock").exists()
    with mbox_locks.dotlock(str(box), Seconds(0), required=True):
        assert (tmp_path / "mbox.lock").read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / "mbox.lock").exists()


_STORM = """
import fcntl, os, random, signal, sys
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.local import mbox_locks
box, chance = sys.argv[1], random.Random(int(sys.argv[2]))
for each in range(40):
    with mbox_locks.dotlock(box, Seconds(60), required=True), open(box + ".inside", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if another one is inside
        if chance.random() < 0.1:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_in_a_storm_of_kills_nobody_else_is_inside(tmp_path: Path) -> None:
    """Processes take the lock, and over from one another; whoever is inside dies now and then."""
    box = str(tmp_path / "mbox")
    deadline = time.monotonic() + 300
    ended = []
    for wave in range(4):
        words = [[sys.executable, "-c", _STORM, box, str(4 * wave + each)] for each in range(4)]
        running = [subprocess.Popen(each, stderr=subprocess.PIPE) for each in words]
        for process in running:
            _, said = process.communicate(timeout=deadline - time.monotonic())
            assert b"Error" not in said, said
            ended.append(process.returncode)
    assert set(ended) <= {0, -signal.SIGKILL}
    assert ended.count(-signal.SIGKILL) > 3


def test_readers_share_the_lock_of_fcntl(tmp_path: Path) -> None:
    """Two may read; the descriptor of a pipe cannot be locked, which is an error and no wait."""
    path = tmp_path / "mbox"
    path.write_bytes(b"")
    with path.open("rb") as one, path.open("rb") as other:
        mbox_locks.lock(one.fileno(), "mbox", Seconds(0), exclusive=False)
        mbox_locks.lock(other.fileno(), "mbox", Seconds(0), exclusive=False)
        with pytest.raises(OSError, match="Bad file descriptor"):
            mbox_locks.lock(other.fileno(), "mbox", Seconds(0), exclusive=True)


_LOCKS = """
import sys
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.local import mbox_locks
while True:
    with mbox_locks.dotlock(sys.argv[1], Seconds(1), required=True):
        pass
"""


def test_a_dotlock_is_never_seen_without_its_process(tmp_path: Path) -> None:
    """Whoever finds it can tell that its process was killed, whenever that was."""
    seen: set[bytes] = set()
    with subprocess.Popen([sys.executable, "-c", _LOCKS, str(tmp_path / "mbox")]) as process:
        try:
            deadline = time.monotonic() + 20
            reads = 0
            while reads < 2_000 and time.monotonic() < deadline:
                with contextlib.suppress(FileNotFoundError):
                    seen.add((tmp_path / "mbox.lock").read_bytes())
                    reads += 1
        finally:
            process.kill()
    assert seen == {b"%d\n" % process.pid}
