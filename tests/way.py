"""The files through which one mail passes, from the command to the disposal of its copy: `python -m tests.way`.

How it is counted: `mailintake run` takes one mail from a Maildir. At the first call of each port that moves the mail on
(`STEPS`), the files of the package on the stack are noted, down to the one that implements the port. These are the
files that one has to read to follow the mail; what is behind a port (tickets, rules, the parser) is a subject of its
own. Whenever the way enters a file that it had left before, that is a return.
"""

from __future__ import annotations

import functools
import sys
import tempfile
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.mirror import PACKAGE
from tests.rig import Rig, mail
from tests.servers.tracenv import TracEnv
from trac_mailintake.intake import ports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

STEPS: Final = {
    "list": ("Source.list", "Mailbox.reconcile"),
    "claim": ("Claims.claim",),
    "fetch": ("Source.fetch", "ArchiveWriter.append"),
    "seal": ("ArchiveWriter.seal",),
    "parse": ("Parser.__call__",),
    "screen": ("Recorder.seen", "Tracker.sender", "Rules.screen"),
    "route": ("Rules.route",),
    "handle": ("Rules.handle",),
    "prepare": ("Tracker.prepare",),
    "record": ("Recorder.record",),
    "announce": ("Recorder.announce",),
    "dispose": ("Source.dispose", "Mailbox.consumed"),
}
"""By step of `docs/internals.md#the-way-of-a-mail`: the calls of ports that move a mail on."""
_CALLS: Final = tuple(each for calls in STEPS.values() for each in calls)
_CORE: Final = "intake/"
"""Whose calls count."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A call of a port, such as `Claims.claim`, and the files through which the mail comes to it."""

    port: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """All stops of one mail, in their order. `said` is what the command printed."""

    stops: tuple[Stop, ...]
    said: str

    @property
    def entered(self) -> tuple[tuple[int, str], ...]:
        """Each time that the way enters a file: its depth, and the file."""
        found: list[tuple[int, str]] = []
        before: Sequence[str] = ()
        for stop in self.stops:
            stays = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, stop.files, strict=False)))
            found += enumerate(stop.files[stays:], stays)
            before = stop.files
        return tuple(found)

    @property
    def files(self) -> tuple[str, ...]:
        """The files, in the order in which the way enters them first."""
        return tuple(dict.fromkeys(file for _, file in self.entered))

    @property
    def returns(self) -> int:
        """How often it enters a file again."""
        return len(self.entered) - len(self.files)

    def __str__(self) -> str:
        """The way as a tree, and the two numbers."""
        tree = "\n".join(f"{'  ' * depth}{file}" for depth, file in self.entered)
        return f"{tree}\n\n{len(self.files)} files, {self.returns} returns"


def walked(folder: Path) -> Way:
    """Let a mail go its way, in a new environment in `folder`."""
    trac = TracEnv.create(folder / "env")
    try:
        Rig(trac, folder).drop(mail())
        stops: dict[str, Stop] = {}

        def look(frame: FrameType, event: str, _: object) -> None:
            stop = _stop(frame) if event == "call" else None
            if stop is not None:
                stops.setdefault(stop.port, stop)

        before = sys.getprofile()
        sys.setprofile(look)
        try:
            done = trac.command("mailintake", "run", "--force")
        finally:
            sys.setprofile(before)
        return Way(tuple(stops.values()), done.out)
    finally:
        trac.close()


def _stop(frame: FrameType) -> Stop | None:
    """The stop at this call, if it is one of the steps."""
    port = _port(frame)
    files = tuple(file for file, _ in groupby(_files(frame))) if port else ()
    return Stop(port, files) if len(files) > 1 and files[-2].startswith(_CORE) else None


def _port(frame: FrameType) -> str:
    """The port that is called, and its method; "" if it is something else."""
    code = frame.f_code
    called = [each for each in _CALLS if each.endswith(f".{code.co_name}")]
    if not called or not code.co_argcount or not code.co_filename.startswith(f"{PACKAGE}/"):
        return ""
    answers = {*dir(frame.f_locals.get(code.co_varnames[0]))}
    return next((each for each in called if _methods(each.partition(".")[0]) <= answers), "")


@functools.cache
def _methods(port: str) -> frozenset[str]:
    """What a port can be asked for."""
    words = vars(getattr(ports, port))
    return frozenset(
        name for name, value in words.items() if callable(value) and (name[0] != "_" or name == "__call__")
    )


def _files(frame: FrameType | None) -> list[str]:
    """The package's files on the stack, the command's first."""
    found = []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            found.append(path.relative_to(PACKAGE).as_posix())
        frame = frame.f_back
    return found[::-1]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="mailintake-way-") as _place:
        sys.stdout.write(f"{walked(Path(_place))}\n")
