"""fetch and dispose: which process made a dotlock, so that one of ours that was killed blocks nobody.

The file has the number of the process and nothing else, since that is what delivery agents look for (liblockfile,
Dovecot). What makes that number unmistakable is in an extended attribute (xattr(7)), where the file system has these:

    PID BOOT PID-NAMESPACE START FORMER

BOOT is random for each boot of each host (random(4), boot_id). START is when the process started, in clock ticks since
then (proc_pid_stat(5)), since numbers of processes are used again; and they have a meaning within a namespace only
(pid_namespaces(7)). FORMER is the number that was in the file before, if any: of a process from which this one has just
taken it over, for it may have been killed before it wrote its own.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_ATTRIBUTE: Final = "user.mailintake"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE: Final = "/proc/self/ns/pid"
_WORDS: Final = 5
_LONGEST: Final = 64
"""Octets of a dotlock that are read."""


class _Status(NamedTuple):
    """Of a process: its state, how many threads it has, and when it started."""

    state: str
    threads: int
    start: bytes


def sign(descriptor: int) -> None:
    """Write into a dotlock that it is of this process, at once, so that nobody reads half of it. Raises OSError."""
    number = b"%d" % os.getpid()
    former = os.pread(descriptor, _LONGEST, 0).strip()
    status = _status(os.getpid())
    with suppress(OSError):  # the file system has no such attributes
        os.setxattr(descriptor, _ATTRIBUTE, b" ".join((number, *_here(), status.start if status else b"", former)))
    os.pwrite(descriptor, number + b"\n", 0)
    os.ftruncate(descriptor, len(number) + 1)


def is_dead(descriptor: int) -> bool:
    """Whether a dotlock is of a process of ours that has surely ended, on this host and since it was started."""
    try:
        content, words = os.pread(descriptor, _LONGEST, 0), os.getxattr(descriptor, _ATTRIBUTE).split(b" ")
    except OSError:
        return False
    if len(words) != _WORDS:
        return False
    number, boot, namespace, start, former = words
    if b"" in (boot, namespace, start) or (boot, namespace) != _here():
        return False
    if not number.isdigit() or content.strip() not in (number, former):
        return False
    return not _is_alive(int(number), start)


def _is_alive(number: int, start: bytes) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # of another user
    status = _status(number)
    if status is None:
        return True  # its folder may be hidden from us
    return status.start == start and not (status.state in "ZX" and status.threads <= 1)


def _here() -> tuple[bytes, bytes]:
    """The boot, and the namespace of processes; empty where the system does not say."""
    try:
        return _BOOT.read_bytes().strip(), os.readlink(_NAMESPACE).encode()
    except OSError:
        return b"", b""


def _status(number: int) -> _Status | None:
    """See proc_pid_stat(5): the name of the program, in parentheses, may contain anything."""
    try:
        words = Path(f"/proc/{number}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return _Status(words[0], int(words[17]), words[19].encode())
    except (OSError, ValueError, IndexError):
        return None
