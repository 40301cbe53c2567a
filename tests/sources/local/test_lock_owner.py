"""Whether the process of a dotlock has ended is known for sure, or not at all."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.waiting import until
from trac_mailintake.sources.local import lock_owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIGN = """
import os, sys
from trac_mailintake.sources.local import lock_owner
lock_owner.sign(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT))
print("signed", flush=True)
sys.stdin.read()
"""

KILLED = """
import os, signal, sys
from trac_mailintake.sources.local import lock_owner
left = int(sys.argv[2])

def count(frame, event, called):
    global left
    if event == "c_call" and called.__name__ in {"pread", "setxattr", "pwrite", "ftruncate"}:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

descriptor = os.open(sys.argv[1], os.O_RDWR)
sys.setprofile(count)
lock_owner.sign(descriptor)
"""


@contextmanager
def signed(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has signed the file, and lives."""
    words = [sys.executable, "-c", SIGN, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def is_dead(path: Path) -> bool:
    """What is known of the process."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        return lock_owner.is_dead(descriptor)
    finally:
        os.close(descriptor)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file on a file system that has extended attributes."""
    made = tmp_path / "mbox.lock"
    made.touch()
    try:
        os.setxattr(made, "user.test", b"x")
    except OSError as error:
        pytest.skip(f"no extended attributes here: {error}")
    return made


def test_a_process_is_alive_until_it_has_ended(path: Path) -> None:
    """Also when nobody has asked yet how it ended: a zombie holds nothing."""
    with signed(path) as process:
        assert path.read_bytes() == b"%d\n" % process.pid
        assert not is_dead(path)
        process.kill()
        until(lambda: is_dead(path), what="the process is taken for living")
    assert is_dead(path)


def test_our_own_process_is_alive(path: Path) -> None:
    """Another thread of it may hold the lock. A longer number that was there before leaves nothing."""
    path.write_bytes(b"1234567890\n")
    descriptor = os.open(path, os.O_RDWR)
    lock_owner.sign(descriptor)
    os.close(descriptor)
    assert path.read_bytes() == b"%d\n" % os.getpid()
    assert not is_dead(path)


def test_whatever_differs_nothing_is_known(path: Path) -> None:
    """Another boot or host, another namespace, another number in the file, any word that is missing or too much."""
    with signed(path):
        pass
    content, mark = path.read_bytes(), os.getxattr(path, "user.mailintake")
    words = mark.split(b" ")
    assert (len(words), words[4]) == (5, b"")
    wrong = [b"", b" ", b"    ", mark + b" more", b"x" + mark]
    wrong += [b" ".join(some) for length in range(4) for some in itertools.combinations(words, length)]
    others = (b"", b"1", b"-1", b"x")
    wrong += [b" ".join([*words[:at], other, *words[at + 1 :]]) for at in range(3) for other in others]
    for each in wrong:
        os.setxattr(path, "user.mailintake", each)
        assert not is_dead(path), each
    os.setxattr(path, "user.mailintake", mark)
    for other in (b"1\n", b"0" + content, content + b"1\n", b"x"):
        path.write_bytes(other)
        assert not is_dead(path), other
    path.write_bytes(content)
    assert is_dead(path)


def test_a_number_that_is_used_again_is_another_process(path: Path) -> None:
    """It started at another time: the one that made the lock has ended."""
    with signed(path):
        mark = os.getxattr(path, "user.mailintake")
        number, *_ = mark.split(b" ")
        os.setxattr(path, "user.mailintake", mark[:-1] + b"9 ")
        assert is_dead(path)
        assert path.read_bytes() == number + b"\n"


def test_a_lock_of_another_program_is_not_ours(path: Path) -> None:
    """It may have been made on another host."""
    path.write_bytes(b"999999999\n")
    assert not is_dead(path)


@pytest.mark.parametrize("at", range(1, 5))
def test_a_process_that_is_killed_while_it_takes_over(path: Path, at: int) -> None:
    """Before any of its calls: it, or the one before it, is known to have ended."""
    with signed(path):
        pass
    words = [sys.executable, "-c", KILLED, str(path), str(at)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert is_dead(path)
