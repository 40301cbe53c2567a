"""What mails cost in a process, and in the database's; and several environments that take the same mails in turn."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.stand import SERVICE
from tests.servers.postgres import Postgres
from tests.servers.tracenv import SQLITE
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.db.transaction import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac.env import Environment

    from benchmarks.stand import Stand
    from trac_mailintake.intake.report import Report

TURNS: Final = 7
TURN: Final = 400
"""Mails that each of the two environments takes in a turn."""
NOTED: Final = (
    ("logging", "log_type", "none"),
    ("logging", "log_level", "DEBUG"),
    ("trac", "debug_sql", "enabled"),
)
"""Trac notes each statement, to be counted; nothing writes the notes down."""
UNLIMITED: Final = {"rate_service": "10000000", "rate_sender": "10000000", "rate_ticket": "10000000"}
"""The rates are asked of the journal, and never reached."""
_MEMORY: Final = re.compile(r"^Vm(HWM|RSS):\s+(\d+) kB$", re.MULTILINE)

Read = Callable[[], float]
"""Seconds of CPU that the database's processes have used so far; 0 for SQLite, which has none."""


@dataclass(frozen=True, slots=True)
class Note:
    """What was used up when `done` mails were done: seconds by the clock and of CPU, statements, MB (RSS, its peak)."""

    done: int
    clock: float
    cpu: float
    server: float
    statements: int
    rss: float
    peak: float


class Counter(logging.Handler):
    """Counts the statements that Trac notes."""

    number = 0

    def handle(self, record: logging.LogRecord) -> bool:
        """One more."""
        self.number += record.msg.startswith("SQL: ")
        return True


@contextlib.contextmanager
def counted(env: Environment) -> Iterator[Counter]:
    """Count the statements of a block."""
    counter = Counter()
    env.log.addHandler(counter)
    try:
        yield counter
    finally:
        env.log.removeHandler(counter)


def noted(counter: Counter, done: int, server: Read = float) -> Note:
    """What this process, and the database's, have used up by now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    sizes = {name: int(kilobytes) / 1024 for name, kilobytes in _MEMORY.findall(status)}
    used = (time.perf_counter(), time.process_time(), server())
    return Note(done, *used, counter.number, sizes["RSS"], sizes["HWM"])


def take(env: Environment, progress: Callable[[int, int], None] | None = None) -> Report:
    """What `trac-admin ENV mailintake run` does once it has started."""
    with open_intake.intake(env) as assembly:
        service = assembly.settings.services.get(SERVICE)
        return assembly.spine.run(service, assembly.settings.open(service), progress=progress)


# in turn


def in_turn(
    stands: dict[str, Stand], folder: Path, contents: Sequence[bytes], server: Read, rates: dict[str, str]
) -> None:
    """The same mails for each, a turn at a time."""
    for name, stand in stands.items():
        stand.maildir(folder / name / "Maildir", [])
        open_intake.settings(stand.env).services.set(SERVICE, rates)
        with stand.env.db_transaction as db:  # it is no first run: all mails count for rates
            db("UPDATE mailintake_service SET last_success=%s", (now(),))
    used: dict[str, list[Note]] = {name: [] for name in stands}
    for turn in range(TURNS + 1):
        for name in list(stands)[:: -1 if turn % 2 else 1]:
            for number, content in enumerate(contents[turn * TURN : (turn + 1) * TURN]):
                (folder / name / "Maildir" / "new" / f"{1_790_000_000 + number}.M{turn}P1.bench").write_bytes(content)
            with counted(stands[name].env) as counter:
                before = noted(counter, 0, server)
                report = take(stands[name].env)
                after = noted(counter, report.listed, server)
            assert sum(report.counts.values()) == TURN, report
            cpu, clock = (after.cpu - before.cpu) / TURN * 1000, (after.clock - before.clock) / TURN * 1000
            servers = (after.server - before.server) / TURN * 1000
            used[name].append(Note(TURN, clock, cpu, servers, after.statements, 0.0, 0.0))
    _print_turns(used)


def _print_turns(used: dict[str, list[Note]]) -> None:
    """All but the first turn, which warms up."""
    print(f"{TURNS} turns of {TURN} mails: median, ms a mail")
    print(f"{'':12}{'CPU':>8}{'CPU with the server':>22}{'by the clock':>15}{'statements a mail':>20}")
    for name, notes in used.items():
        later = notes[1:]
        both = median(note.cpu + note.server for note in later)
        cells = [median(getattr(note, each) for note in later) for each in ("cpu", "clock", "statements")]
        print(f"{name:12}{cells[0]:>8.2f}{both:>22.2f}{cells[1]:>15.2f}{cells[2] / TURN:>20.2f}")
    (_, early), (_, late) = used.items()
    pairs = list(zip(early[1:], late[1:], strict=True))
    cpu, clock = (median(getattr(b, each) / getattr(a, each) for a, b in pairs) for each in ("cpu", "clock"))
    both = median((b.cpu + b.server) / (a.cpu + a.server) for a, b in pairs)
    print(f"{'ratio':12}{cpu:>8.2f}{both:>22.2f}{clock:>15.2f}", flush=True)


# servers


def database(name: str, stack: contextlib.ExitStack) -> tuple[Callable[[], str], Read]:
    """What gives a new database each time, and what its processes use."""
    if name == "sqlite":
        return lambda: SQLITE, float
    postgres = stack.enter_context(Postgres(durable=True))
    first = int((Path(postgres.home) / "cluster" / "postmaster.pid").read_text(encoding="ascii").split()[0])
    return postgres.fresh_schema, partial(_used_by, first)


def _used_by(first: int) -> float:
    """Seconds of CPU of a process and of its children, those that have ended, too (proc(5), /proc/PID/stat)."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # After the name: state, parent, ..., utime, stime, cutime, cstime.
            words = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            own = int(path.parent.name) == first
            ticks += sum(map(int, words[11 : 15 if own else 13])) if own or int(words[1]) == first else 0
    return ticks / os.sysconf("SC_CLK_TCK")
