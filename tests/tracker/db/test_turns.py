"""Whoever saves a page meets one of our writers at most, and gets in between two of their turns."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.db.turns import AT_ONCE, FILE, LONGEST, REST, Turn, rest
from trac_mailintake.tracker.private_dir import ROOT, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

pytestmark = pytest.mark.sqlite

WRITE = "UPDATE ticket SET changetime=changetime"
HOLDER = """
import signal, sys
from trac.env import Environment
from trac_mailintake.tracker.db.transaction import transaction
env = Environment(sys.argv[1])
with transaction(env) as db:
    db("UPDATE ticket SET changetime=changetime")
    print("holds it", flush=True)
    signal.pause()
"""


@pytest.fixture
def trac(sqlite_env: TracEnv) -> TracEnv:
    """An environment in which mail was taken before."""
    private_folder(sqlite_env.env)
    return sqlite_env


@pytest.fixture
def holder(trac: TracEnv) -> Iterator[subprocess.Popen[str]]:
    """Another process, in the midst of a transaction of ours."""
    words = [sys.executable, "-W", "ignore", "-c", HOLDER, str(trac.path)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds it\n"
        yield process
        process.kill()


def lock_file(trac: TracEnv) -> Path:
    """Where turns are taken."""
    return trac.path / "files" / ROOT / FILE


def used(trac: TracEnv, seconds: float) -> float:
    """Have the write lock for so long. Returns when it was free again."""
    with transaction(trac.env):
        time.sleep(seconds)
    return time.monotonic()


def waits(trac: TracEnv, patience: float = 10.0, *, after: float = 0.0, idle: float = 0.0) -> float:
    """How long one waits for a turn after so much use, and then idleness: the least of several, on a busy machine."""
    found = []
    for _ in range(5):
        if after:
            used(trac, after)
        time.sleep(idle)
        before = time.monotonic()
        with Turn(trac.env, Seconds(patience)):
            found.append(time.monotonic() - before)
    return min(found)


def begun(trac: TracEnv) -> float:
    """When the next one of ours got the write lock."""
    with transaction(trac.env):
        return time.monotonic()


def test_a_person_gets_in_between(trac: TracEnv) -> None:
    """Three of ours write without a pause; who waits as SQLite waits sees a few transactions go by, not all."""
    ended = threading.Event()
    begins: list[int] = []

    def write() -> None:
        while not ended.is_set():
            with transaction(trac.env) as db:
                begins.append(0)
                db(WRITE)
                time.sleep(0.04)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for each in writers:
        each.start()
    passed = []
    try:
        with closing(sqlite3.connect(trac.path / "db" / "trac.db", timeout=60, isolation_level=None)) as person:
            for _ in range(5):
                before = len(begins)
                person.execute("BEGIN IMMEDIATE")
                passed.append(len(begins) - before)
                person.execute("COMMIT")
                time.sleep(0.05)
    finally:
        ended.set()
        for each in writers:
            each.join()
    assert len(begins) > len(passed)
    assert max(passed) <= 8, passed


def test_after_their_time_all_rest(trac: TracEnv) -> None:
    """It counts all transactions since the last rest, however short each is; a rest that came by itself is one."""
    freed = used(trac, LONGEST)
    assert begun(trac) - freed >= REST
    for _ in range(2):
        freed = used(trac, LONGEST / 2)
    assert begun(trac) - freed >= REST
    assert waits(trac, after=LONGEST, idle=REST) < REST / 2


def test_who_cannot_wait_does_not_and_yet_it_counts(trac: TracEnv, holder: subprocess.Popen[str]) -> None:
    """What a notification stores, for which somebody may wait: neither for a turn nor for a rest. Others rest then."""
    assert waits(trac, AT_ONCE) < REST
    holder.kill()
    holder.wait()
    assert waits(trac, AT_ONCE, after=LONGEST) < REST
    with transaction(trac.env, Turn(trac.env, AT_ONCE)):
        time.sleep(LONGEST)
    freed = time.monotonic()
    rest(trac.env)
    assert time.monotonic() - freed >= REST - 0.01


def test_time_that_was_waited_for_the_lock_is_not_counted(trac: TracEnv) -> None:
    """Somebody else had it: we need not rest for that."""
    time.sleep(REST)
    with closing(sqlite3.connect(trac.path / "db" / "trac.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(3 * LONGEST, other.execute, ("COMMIT",))
        timer.start()
        turn = Turn(trac.env)
        with transaction(trac.env, turn):
            assert not turn.used_up()
        timer.join()


def test_a_transaction_is_told_to_end_in_time(trac: TracEnv) -> None:
    """With its commit, as far as that is known from the last one; but half of the time is for writing."""
    turn = Turn(trac.env)
    assert not turn.used_up()
    with transaction(trac.env, turn):
        assert not turn.used_up()
        time.sleep(LONGEST)
        assert turn.used_up()
        turn.commit()
        time.sleep(3 * LONGEST)  # a slow disk
    turn = Turn(trac.env)
    with transaction(trac.env, turn):
        began = time.monotonic()
        while not turn.used_up():
            time.sleep(0.001)
        assert time.monotonic() - began >= LONGEST / 2 - 0.01


def test_a_process_that_was_forked_meanwhile_keeps_no_turn(trac: TracEnv) -> None:
    """It has the file open, too: one that a plugin of tracd starts may live for long."""
    with Turn(trac.env):
        child = os.fork()
        if not child:
            signal.pause()
            os._exit(0)
    try:
        assert waits(trac) < REST
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_dead_holder_is_in_nobodys_way(trac: TracEnv, holder: subprocess.Popen[str]) -> None:
    """The kernel frees the turn, and SQLite's lock with it."""
    with Turn(trac.env, AT_ONCE) as turn:
        turn.begin()
        assert lock_file(trac).stat().st_size == 0  # it was not ours to write
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    begun(trac)
    assert lock_file(trac).stat().st_size > 0


def test_a_holder_that_hangs_is_waited_for_no_longer_than_trac_would(
    trac: TracEnv, holder: subprocess.Popen[str]
) -> None:
    """Then we go on without a turn, and SQLite's own lock says what comes of it."""
    assert holder.poll() is None
    before = time.monotonic()
    with Turn(trac.env, Seconds(0.3)):
        waited = time.monotonic() - before
    assert 0.3 <= waited < 10


def test_within_another_transaction_no_turn_is_waited_for(trac: TracEnv) -> None:
    """That one has the write lock already, and the holder of the turn may be waiting for it."""
    with Turn(trac.env), trac.env.db_transaction as outer:
        outer(WRITE)
        with transaction(trac.env) as db:
            db(WRITE)
        with transaction(trac.env) as db, transaction(trac.env) as inner:
            assert inner is db


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff" * 24, b"\xff" * 100])
def test_a_file_of_nonsense_does_no_harm(trac: TracEnv, content: bytes) -> None:
    """Nor one of another boot, whose clock was ahead."""
    lock_file(trac).write_bytes(content)
    begun(trac)
    freed = used(trac, LONGEST)
    assert begun(trac) - freed >= REST


def test_without_a_place_for_the_file_all_goes_on(sqlite_env: TracEnv) -> None:
    """No mail was taken yet, and whoever stores a setting, perhaps as another user, makes no folders for intake."""
    used(sqlite_env, LONGEST)
    assert not lock_file(sqlite_env).parent.exists()


def test_other_databases_lock_rows_and_take_no_turns(postgres_env: TracEnv) -> None:
    """Two of ours write at the same time."""
    private_folder(postgres_env.env)
    with transaction(postgres_env.env):
        assert not lock_file(postgres_env).exists()
