"""What processes ask of the system, as strace sees it, in the order of its answers."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.servers.machine import ServerMissing, program

if TYPE_CHECKING:
    from collections.abc import Iterator

FLUSHES: Final = frozenset({"fsync", "fdatasync"})
WRITES: Final = frozenset({"write", "pwrite64", "writev", "pwritev", "ftruncate"})
"""Those that change the file of their first argument."""
SENDS: Final = frozenset({"sendto", "sendmsg"})
_NAMES: Final = ("unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "mkdir", "mkdirat", "rmdir")
_OTHERS: Final = ("openat", "truncate", "fcntl", "exit_group")
_SEEN: Final = (*FLUSHES, *WRITES, *SENDS, *_NAMES, *_OTHERS)

_LINE: Final = re.compile(r"(?P<process>\d+) +(?P<name>\w+)\((?P<words>.*)\) += (?P<answer>-?\d+|\?)(?P<rest>.*)")
_BEGUN: Final = re.compile(r"(?P<process>\d+) +(?P<begun>.*) <unfinished \.\.\.>")
_ENDED: Final = re.compile(r"(?P<process>\d+) +<\.\.\. \w+ resumed>(?P<ended>.*)")
_OPENED: Final = re.compile(r"\d+<(?P<path>[^>]*)>")
_NAMED: Final = re.compile(r'(?:\w+<(?P<folder>[^>]*)>, )?"(?P<path>(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the paths that it names (of an open file, where it is called with one), and all that it was given."""

    process: int
    name: str
    paths: tuple[str, ...]
    words: str
    failed: bool = False
    killed: bool = False

    @property
    def path(self) -> str:
        """The first of its paths."""
        return self.paths[0] if self.paths else ""


@cache
def refusal() -> str:
    """Why nothing can be traced here, "" when it can."""
    try:
        strace = program("strace")
    except ServerMissing as missing:
        return str(missing)
    tried = subprocess.run((strace, "-f", "-qq", "-o", "/dev/null", "true"), capture_output=True, check=False)
    if tried.returncode:
        return f"strace may not trace here: {tried.stderr.decode('utf-8', 'replace').strip()}"
    return ""


class Traced:
    """A Python whose calls, and those of the processes that it makes, are written down; `python` is what to start."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Everything lies in `folder`; `options` are strace's, such as what to inject. Raises ServerMissing."""
        if refusal():
            raise ServerMissing(refusal())
        self._log = folder / "calls"
        self.python = str(folder / "python")
        words = (
            *(program("strace"), "-f", "-y", "-qq", "-s", "64", "-e", "signal=none"),
            *("-e", f"trace={','.join(_SEEN)}", *(options or ("--seccomp-bpf",))),
            *("-o", str(self._log), sys.executable),
        )
        Path(self.python).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        Path(self.python).chmod(0o755)

    def stop(self) -> None:
        """End what still runs: strace, when it is told to stop, lets go of a server, which goes on."""
        for process in {call.process for call in self.calls()}:
            with suppress(OSError):
                if os.fsencode(self._log.parent) in Path(f"/proc/{process}/cmdline").read_bytes():
                    os.kill(process, signal.SIGKILL)

    def calls(self) -> list[Call]:
        """All that have been answered so far."""
        if not self._log.exists():
            return []
        return list(_read(self._log.read_text(encoding="utf-8", errors="replace").splitlines()))


def _read(lines: list[str]) -> Iterator[Call]:
    begun: dict[str, str] = {}
    for line in lines:
        whole = line
        if match := _BEGUN.fullmatch(line):
            begun[match["process"]] = match["begun"]
            continue
        if match := _ENDED.fullmatch(line):
            whole = f"{match['process']} {begun.pop(match['process'], '')}{match['ended']}"
        if match := _LINE.fullmatch(whole):
            yield _call(match)


def _call(match: re.Match[str]) -> Call:
    name, words = match["name"], match["words"]
    opened = _OPENED.match(words)
    paths: tuple[str, ...] = ()
    if name in FLUSHES or name in WRITES or name == "fcntl":
        paths = (opened["path"],) if opened else ()
    elif name not in SENDS:
        paths = tuple(os.path.join(each["folder"] or "", each["path"]) for each in _NAMED.finditer(words))
    failed = not match["answer"].isdecimal() and name != "exit_group"  # a question mark: the process was killed in it
    return Call(int(match["process"]), name, paths, words, failed, match["answer"] == "?")
