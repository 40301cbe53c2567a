"""Workers come and go at the same time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.tracker.workers import Onlooker, Worker, alive

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_workers_that_come_and_go_are_cleaned_up_after_once(sqlite_env: TracEnv) -> None:
    """A file may go while another worker looks for the dead: once it is opened, before it is locked or removed."""
    ended = threading.Event()

    def come_and_go() -> None:
        while not ended.is_set():
            Worker(sqlite_env.env).close()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    mine = Worker(sqlite_env.env)
    try:
        for _ in range(4000):
            with mine.dead() as dead:  # raises FileNotFoundError when a file is removed that is not there
                assert mine.owner not in dead
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        mine.close()


def test_an_onlooker_has_no_file(sqlite_env: TracEnv) -> None:
    """And can neither note nor release anything."""
    onlooker = Onlooker(sqlite_env.env)
    assert alive(sqlite_env.env, onlooker.owner) is None
    with pytest.raises(TypeError):
        onlooker.note("a batch")
    onlooker.close()
    assert not (sqlite_env.path / "files" / "mailintake").exists()


def test_a_worker_whose_file_was_lost_counts_as_dead(sqlite_env: TracEnv) -> None:
    """One that is alive does not."""
    mine, other = Worker(sqlite_env.env), Worker(sqlite_env.env)
    for owner in ("0" * 32, other.owner, mine.owner):
        mine.miss(owner)
    with mine.dead() as dead:
        assert dead == {"0" * 32: []}
    with mine.dead() as dead:
        assert dead == {}
    other.close()
    mine.close()


def test_whether_a_worker_is_alive_is_known_without_being_one(sqlite_env: TracEnv) -> None:
    """It is while it holds its lock; a file without a lock is that of a dead one; one that ended leaves none."""
    worker = Worker(sqlite_env.env)
    assert (alive(sqlite_env.env, worker.owner), worker.alive(worker.owner)) == (True, True)
    worker._file.close()
    assert alive(sqlite_env.env, worker.owner) is False
    (sqlite_env.path / "files" / "mailintake" / "workers" / worker.owner).unlink()
    assert alive(sqlite_env.env, worker.owner) is None
