"""Commands of trac-admin in processes of their own that need not import Trac first: a fifth of the processor's time.

They are forked from one that has imported everything and opened nothing (`tests/crash/zygote.py`). Use `TracEnv.admin`
where the test is about the start of a process, its environment, its signals or its descriptors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.crash.zygote import Forked
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import Finished


class Command:
    """`trac-admin ENV words…`, begun."""

    def __init__(self, trac: TracEnv, *words: str, stdin: bytes = b"") -> None:
        self._forked = Forked(_command, trac.path, words, stdin)

    def finished(self) -> Finished:
        """What it said, and its status, when it has ended."""
        ended = self._forked.wait()
        assert ended.status == 0, ended
        assert not ended.raised, ended.raised
        finished: Finished = ended.result
        return finished


def command(trac: TracEnv, *words: str, stdin: bytes = b"") -> Finished:
    """`trac-admin ENV words…` from its beginning to its end."""
    return Command(trac, *words, stdin=stdin).finished()


def _command(path: Path, words: tuple[str, ...], stdin: bytes) -> Finished:
    return TracEnv(path).command(*words, stdin=stdin)
