"""Reads a stored message in an interpreter of its own, so that no message can hold up or end a web process.

The interpreter is spawned, not forked: tracd and mod_wsgi have threads, whose locks a fork would copy. At most two run
at once for an environment, whatever the number of threads and processes that show pages.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trac_mailintake
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.mail.read_alone import Job
    from trac_mailintake.mail.spool import Slice

_PROGRAM: Final = """
import json, sys
job = json.load(sys.stdin)
if list(sys.version_info[:2]) != job.pop("version"):
    sys.exit(1)
sys.path[:] = job.pop("modules")
from trac_mailintake.mail.read_alone import main
main(job)
"""
_NAME: Final = re.compile(r"python(3(\.[0-9]+)?)?\Z")
_KEPT: Final = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH")
"""The variables that an interpreter may need in order to start. Others may be secrets."""
_MOST: Final = 2
"""Interpreters at once."""
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_PAUSE: Final = Seconds(0.05)
_THREADS: Final = threading.BoundedSemaphore(_MOST)


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one message may cost.

    `seconds`: of the clock, from the start of the interpreter on. `turn`: how long to wait until one may start.
    `processor`: seconds of the processor. `memory`: bytes of address space.
    """

    seconds: Seconds = Seconds(15)
    turn: Seconds = Seconds(5.0)
    processor: int = 10
    memory: int = 512 * 1024**2


@dataclass(frozen=True, slots=True)
class Read:
    """What is in a message: the same fields as of `mail_page.Inside`."""

    text: str
    parts: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]


def interpreter() -> str:
    """The path of this Python's interpreter; "" if there is none where it should be.

    Within uWSGI or Apache `sys.executable` is that program, or empty. What is not called `python` is never started, nor
    is anything searched on the path.
    """
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folders = (os.path.join(sys.exec_prefix, "bin"), sysconfig.get_config_var("BINDIR") or "")
    for path in (sys.executable or "", *(os.path.join(each, name) for each in folders if each)):
        if os.path.isabs(path) and _NAME.match(os.path.basename(path)) and os.access(path, os.X_OK):
            return path
    return ""


def read_apart(raw: Slice, folder: str, limits: Limits = Limits(), python: str | None = None) -> Read | None:
    """Read the message for the environment at `folder`; None if that cannot be done within the limits.

    `python`: the interpreter, if it is not `interpreter()`.
    """
    program = interpreter() if python is None else python
    if not program:
        return None
    with _turn(folder, limits.turn) as mine:
        return _answer(program, raw, limits) if mine else None


def _answer(program: str, raw: Slice, limits: Limits) -> Read | None:
    job: Job = {
        "path": raw.path,
        "offset": raw.offset,
        "length": raw.length,
        "clock": limits.seconds,
        "processor": limits.processor,
        "memory": limits.memory,
    }
    home = str(Path(trac_mailintake.__file__).parent.parent)
    modules = [home, *(each for each in sys.path if each and each != home)]
    asked = json.dumps({**job, "modules": modules, "version": sys.version_info[:2]})
    written = _run([program, "-I", "-S", "-c", _PROGRAM], asked.encode("utf-8", "surrogateescape"), limits.seconds)
    try:
        answer: dict[str, Any] = json.loads(written)
        return Read(str(answer["text"]), _pairs(answer["parts"]), _pairs(answer["headers"]))
    except (ValueError, TypeError, KeyError):
        return None


def _pairs(rows: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in rows)


def _run(command: list[str], asked: bytes, seconds: Seconds) -> bytes:
    """What the program writes; b"" if it does not start, or does not end in time: then its group is killed."""
    try:
        process = subprocess.Popen(  # noqa: S603 - this Python's own interpreter, see `interpreter`
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            start_new_session=True,
        )
    except OSError:
        return b""
    with process:
        try:
            written = process.communicate(asked, timeout=seconds)[0]
        except (subprocess.TimeoutExpired, OSError):
            written = b""
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it was not waited for, so the number is still its own
    return written if process.returncode == 0 and len(written) <= _LARGEST_ANSWER else b""


@contextmanager
def _turn(folder: str, patience: Seconds) -> Iterator[bool]:
    """Wait until fewer than two interpreters run for the environment; yields whether that was in time."""
    until = time.monotonic() + patience
    if not _THREADS.acquire(timeout=patience):
        yield False
        return
    try:
        with _process_turn(folder, Seconds(until)) as mine:
            yield mine
    finally:
        _THREADS.release()


@contextmanager
def _process_turn(folder: str, until: Seconds) -> Iterator[bool]:
    """The same towards other processes: a lock of one of two folders, which makes no file."""
    files: list[int] = []
    try:
        for each in (folder, os.path.join(folder, "conf"))[:_MOST]:
            with suppress(OSError):
                files.append(os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        yield _locked(files, until)
    finally:
        for file in files:
            os.close(file)


def _locked(files: list[int], until: Seconds) -> bool:
    """Whether one of the files could be locked in time; True where they cannot be locked at all, as over NFS."""
    while True:
        for file in files:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError:
                pass
            return True
        if not files or time.monotonic() > until:
            return not files
        time.sleep(_PAUSE)
